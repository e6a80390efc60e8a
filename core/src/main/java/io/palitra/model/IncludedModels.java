package io.palitra.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.config.Config;
import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import io.palitra.config.Json;
import io.palitra.config.Reason;
import io.palitra.config.UserCache;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Small trained networks that come with the program: run folders, as resources of jars on the class path. Such a jar has an index of cards,
 * {@value #INDEX}, and the files of each model below {@code palitra-models/NAME/}, one of which, {@value #SUMS}, lists the others as
 * {@code sha256sum} does.
 */
public final class IncludedModels {
    static final String INDEX = "palitra-models/index.json", SUMS = "SHA256SUMS";
    private static final String NAME = "[a-z0-9][a-z0-9-]{0,40}", FILE = "[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,3}";

    private IncludedModels() {}

    /** What is known of a model. */
    public record Card(
            @Help("as it is typed where a run is") String name,
            @Help("what it does, in a sentence") String about,
            @Help("family of the run") String family,
            @Help("data set that it learned from") String data,
            @Help("what trains it") String command,
            @Help("minutes that took") double minutes,
            @Help("on which machine") String machine,
            @Help("measures, and the commands that measure them") List<String> measured,
            @Help("licence of the weights") String licence,
            @Help("its files, each behind its SHA-256 and two spaces, as sha256sum writes them") List<String> files) {
        public Card {
            measured = List.copyOf(measured);
            files = List.copyOf(files);
            if (!name.matches(NAME)) throw new ConfigException("name", "illegal name: '" + name + "', must match " + NAME);
            for (String file : files) {
                if (!file.matches("[0-9a-f]{64}  " + FILE) || file.contains("..")) {
                    throw new ConfigException("files", "illegal file of '" + name + "': " + file);
                }
            }
        }

        /** Of all that the model is, 16 digits. */
        private String id() {
            return HexFormat.of().formatHex(sha256().digest(files.toString().getBytes(StandardCharsets.UTF_8))).substring(0, 16);
        }
    }

    /** Those on the class path, in the order of their names. */
    public static List<Card> cards() {
        Map<String, Card> cards = new TreeMap<>();
        try {
            for (URL index : Collections.list(loader().getResources(INDEX))) {
                try (InputStream in = index.openStream()) {
                    JsonNode list = Json.read(index.toString(), new String(in.readAllBytes(), StandardCharsets.UTF_8));
                    for (JsonNode card : list) {
                        Card read = Config.fromJson(Card.class, withFiles(card));
                        cards.putIfAbsent(read.name, read);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the models that come with the program: " + Reason.of(e), e);
        }
        return new ArrayList<>(cards.values());
    }

    /** A card of an index, which tells no sums, with those that lie beside its files. */
    private static JsonNode withFiles(JsonNode card) throws IOException {
        String list = "palitra-models/" + card.path("name").asText() + "/" + SUMS;
        try (InputStream in = loader().getResourceAsStream(list)) {
            if (in == null) throw new IOException("the program has no " + list + "; it was built or copied in part");
            ObjectNode whole = card.deepCopy();
            ArrayNode files = whole.putArray("files");
            new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().forEach(files::add);
            return whole;
        }
    }

    /** The card of a name, where there is one. */
    public static Optional<Card> named(String name) {
        if (!name.matches(NAME)) return Optional.empty();
        return cards().stream().filter(c -> c.name.equals(name)).findFirst();
    }

    /**
     * The folder of a model, unpacked once for a user, whole: other processes that ask at the same time wait. Empty where
     * none has the name.
     *
     * @throws UncheckedIOException when it cannot be unpacked, in one line that names the folder
     */
    public static Optional<Path> folder(String name) { return folder(name, UserCache.folder()); }

    static Optional<Path> folder(String name, Path cache) { return named(name).map(card -> unpacked(card, cache)); }

    private static synchronized Path unpacked(Card card, Path cache) {
        Path all = cache.resolve("models"), folder = all.resolve(card.name + "-" + card.id());
        if (Files.isDirectory(folder)) return folder;
        try {
            Files.createDirectories(all);
            try (FileChannel channel = FileChannel.open(all.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                    LinkOption.NOFOLLOW_LINKS); FileLock lock = channel.lock()) {
                if (Files.isDirectory(folder)) return folder;   // another process was faster
                Path part = all.resolve("." + card.name + ".part");
                remove(part);   // of a process that was killed
                for (String file : card.files) unpack(card.name, file.substring(66), file.substring(0, 64), part);
                Files.move(part, folder, StandardCopyOption.ATOMIC_MOVE);
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot unpack the model '" + card.name + "' to '" + folder + "': " + Reason.of(e)
                + "; PALITRA_CACHE names another folder for it", e);
        }
    }

    private static void unpack(String model, String name, String wanted, Path to) throws IOException {
        Path file = to.resolve(name);
        Files.createDirectories(file.getParent());
        MessageDigest digest = sha256();
        try (InputStream in = loader().getResourceAsStream("palitra-models/" + model + "/" + name)) {
            if (in == null) throw new IOException("the program has no " + model + "/" + name + "; it was built or copied in part");
            try (OutputStream out = new DigestOutputStream(Files.newOutputStream(file, StandardOpenOption.CREATE_NEW), digest)) {
                in.transferTo(out);
            }
        }
        if (!HexFormat.of().formatHex(digest.digest()).equals(wanted)) {
            throw new IOException(model + "/" + name + " of the program is not the file of its card: it was altered");
        }
    }

    private static void remove(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) return;
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path p : all.sorted(Comparator.reverseOrder()).toList()) Files.delete(p);
        }
    }

    private static ClassLoader loader() {
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        return context != null ? context : IncludedModels.class.getClassLoader();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);   // every JVM has it
        }
    }
}
