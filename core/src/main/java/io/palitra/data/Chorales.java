package io.palitra.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Bach's chorales in sixteenths (Boulanger-Lewandowski et al. 2012, arXiv:1206.6392): one JSON file of an object whose keys {@code train},
 * {@code valid} and {@code test} hold pieces, each a list of steps, each a list of the pitches that sound, the highest voice first. Its
 * parts are kept: train is for training, test to test, valid is used for neither. Where a step has fewer than four notes, they are those of
 * the voices that they fit best.
 */
final class Chorales {
    static final String FILE = "jsb-chorales-16th.json";
    private static final long MOST_BYTES = 64 << 20;
    private static final int MOST_PIECES = 10_000;

    private Chorales() {}

    static Dataset read(Path file, Split split, DataOptions options) {
        ScoreSet.refuse("chorales", options);
        Map<String, List<ScoreSet.Piece>> parts = parts(file);
        List<ScoreSet.Piece> train = part(parts, "train", file), wanted = split == Split.TRAIN ? train : part(parts, "test", file);
        List<String> notes = new ArrayList<>();
        return new ScoreSet("chorales", ScoreSet.within(wanted, "chorales", notes), ScoreSet.ranges(train, ScoreSpec.CHOIR), split, options,
            notes);
    }

    private static List<ScoreSet.Piece> part(Map<String, List<ScoreSet.Piece>> parts, String name, Path file) {
        List<ScoreSet.Piece> part = parts.get(name);
        if (part == null || part.isEmpty()) throw new FormatException(file.toString(), -1, "has no pieces under '" + name + "'");
        return part;
    }

    private static Map<String, List<ScoreSet.Piece>> parts(Path file) {
        Map<String, List<ScoreSet.Piece>> parts = new LinkedHashMap<>();
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new FormatException(file.toString(), -1, "has more than " + MOST_BYTES + " bytes, the most that is read");
            }
            try (JsonParser in = new ObjectMapper().getFactory().createParser(file.toFile())) {
                expect(in, in.nextToken(), JsonToken.START_OBJECT, file);
                while (in.nextToken() == JsonToken.FIELD_NAME) {
                    String name = in.currentName();
                    expect(in, in.nextToken(), JsonToken.START_ARRAY, file);
                    List<ScoreSet.Piece> pieces = new ArrayList<>();
                    while (in.nextToken() != JsonToken.END_ARRAY) {
                        if (pieces.size() == MOST_PIECES) throw wrong(in, file, "more than " + MOST_PIECES + " pieces");
                        Score score = piece(in, file);
                        pieces.add(new ScoreSet.Piece(name + " " + pieces.size(), score));
                    }
                    parts.put(name, pieces);
                }
            }
        } catch (IOException e) {
            throw new FormatException(file.toString(), -1, "is no JSON of chorales: " + String.valueOf(e.getMessage()).lines().findFirst()
                .orElse(""), e);
        }
        return parts;
    }

    private static Score piece(JsonParser in, Path file) throws IOException {
        expect(in, in.currentToken(), JsonToken.START_ARRAY, file);
        List<int[]> steps = new ArrayList<>();
        while (in.nextToken() != JsonToken.END_ARRAY) {
            expect(in, in.currentToken(), JsonToken.START_ARRAY, file);
            if (steps.size() == Midi.MOST_STEPS) throw wrong(in, file, "a piece of more than " + Midi.MOST_STEPS + " steps");
            int[] notes = new int[ScoreSpec.CHOIR];
            int n = 0;
            while (in.nextToken() != JsonToken.END_ARRAY) {
                double pitch = in.currentToken() != null && in.currentToken().isNumeric() ? in.getDoubleValue() : -1;   // some are 67.0
                if (pitch < 0 || pitch > 127 || pitch != Math.rint(pitch)) throw wrong(in, file, "a note that is no pitch of 0 to 127");
                if (n == notes.length) throw wrong(in, file, "a step of more than " + notes.length + " notes");
                notes[n++] = (int) pitch;
            }
            steps.add(java.util.Arrays.copyOf(notes, n));
        }
        if (steps.isEmpty()) throw wrong(in, file, "a piece without steps");
        return Score.assigned(steps, ScoreSpec.CHOIR);
    }

    private static void expect(JsonParser in, JsonToken is, JsonToken must, Path file) {
        if (is != must) throw wrong(in, file, "something else than " + (must == JsonToken.START_OBJECT ? "an object" : "a list"));
    }

    private static FormatException wrong(JsonParser in, Path file, String what) {
        return new FormatException(file.toString(), in.currentLocation().getCharOffset(), "is no JSON of chorales: " + what);
    }
}
