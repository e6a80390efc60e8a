package io.palitra.hub;

import io.palitra.data.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * A file of a commit, as the hub lists it.
 *
 * @param path within the model, parts divided by '/'
 * @param size bytes
 * @param blob SHA-1 of the git object
 * @param sha256 of the content, for the large files that git itself does not hold
 */
record HubFile(String path, long size, String blob, Optional<String> sha256) {
    private static final int LONGEST_PATH = 1024;
    private static final int LONGEST_NAME = 255;
    private static final int DEEPEST = 32;
    /** A pebibyte: thousands of times the largest file of any hub. */
    private static final long LARGEST = 1L << 50;

    /** @throws FormatException for a name that leaves the folder or that a file system may take for another, and for what is no hash */
    HubFile {
        String fault = fault(path);
        if (!fault.isEmpty()) throw new FormatException("'" + HubName.shown(path) + "'", -1, "refused as a name of a file: " + fault);
        if (size < 0 || size > LARGEST) {
            throw new FormatException(HubName.shown(path), -1, "the hub lists " + size + " bytes, allowed are 0 to " + LARGEST);
        }
        if (!blob.matches("[0-9a-f]{40}") || sha256.filter(s -> !s.matches("[0-9a-f]{64}")).isPresent()) {
            throw new FormatException(path, -1, "the hub lists no SHA-1 or SHA-256 for it");
        }
    }

    private static String fault(String path) {
        if (path.length() > LONGEST_PATH) return "longer than " + LONGEST_PATH + " characters";
        if (!path.matches("[^\\p{Cntrl}\\\\\\uFFFD]+")) return "empty, or with '\\' or control characters";
        if (path.matches("[A-Za-z]:.*")) return "begins with a drive";
        String[] parts = path.split("/", -1);
        if (parts.length > DEEPEST) return "more than " + DEEPEST + " folders deep";
        for (String part : parts) {
            if (part.isEmpty() || part.equals(".") || part.equals("..")) return "a part is empty, '.' or '..'";
            if (part.length() > LONGEST_NAME) return "a part is longer than " + LONGEST_NAME + " characters";
        }
        return "";
    }

    /** @throws FormatException when a name is there twice, or as a file and as a folder */
    static void refuseClashes(String source, Collection<HubFile> files) {
        Set<String> names = new LinkedHashSet<>();
        for (HubFile f : files) if (!names.add(f.path)) throw new FormatException(source, -1, "lists '" + f.path + "' twice");
        for (HubFile f : files) {
            for (int i = f.path.indexOf('/'); i > 0; i = f.path.indexOf('/', i + 1)) {
                if (names.contains(f.path.substring(0, i))) {
                    throw new FormatException(source, -1, "lists '" + f.path.substring(0, i) + "' as a file and as a folder");
                }
            }
        }
    }

    /** What the hub calls its content, and the cache its blob: equal contents have equal tags. */
    String etag() { return sha256.orElse(blob); }

    /**
     * What {@link #etag} must be for the bytes of a file: SHA-256, or git's SHA-1 over "blob SIZE", a zero byte, and the content.
     *
     * @throws CancellationException when {@code stop} is true
     */
    String hash(Path content, BooleanSupplier stop) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance(sha256.isPresent() ? "SHA-256" : "SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-1 and SHA-256", e);
        }
        if (sha256.isEmpty()) digest.update(("blob " + size + "\0").getBytes(StandardCharsets.US_ASCII));
        byte[] chunk = new byte[1 << 16];
        try (InputStream in = Files.newInputStream(content)) {
            for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
                if (stop.getAsBoolean()) throw new CancellationException("the download was stopped; running again resumes");
                digest.update(chunk, 0, n);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
