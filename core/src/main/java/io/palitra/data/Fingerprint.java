package io.palitra.data;

import io.palitra.config.Notes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Identifies the items of a data set, wherever they lie and whatever their folder is called. Two sets of the same
 * fingerprint have as many items, of the same classes, in the same order, from files of the same names and sizes; pixels are not compared.
 *
 * @param items how many there are
 * @param classes their names in order
 * @param hash SHA-256 in hex over the names and sizes of the files that the items come from, or over the numbers of a table, and over the
 *     labels
 */
public record Fingerprint(int items, List<String> classes, String hash) {
    public Fingerprint { classes = List.copyOf(classes); }

    /** Of a data set whose items come from such sources, in order: a line each, names below the set's own folder and sizes in bytes. */
    static Fingerprint of(Dataset data, Iterable<String> sources) {
        MessageDigest sha = sha256();
        for (String line : sources) sha.update((line + "\n").getBytes(StandardCharsets.UTF_8));
        ByteBuffer labels = ByteBuffer.allocate(4 * data.size());
        for (int i = 0; i < data.size(); i++) labels.putInt(data.label(i));
        sha.update(labels.flip());
        return new Fingerprint(data.size(), data.classNames(), HexFormat.of().formatHex(sha.digest()));
    }

    /** The same for a choice of another set's items. */
    static Fingerprint of(Dataset choice, Fingerprint whole) { return of(choice, List.of(whole.hash)); }

    /** A short name that differs where fingerprints do: 16 hex digits. */
    public String key() {
        MessageDigest sha = sha256();
        sha.update((items + "\n" + classes.size() + "\n").getBytes(StandardCharsets.UTF_8));
        for (String name : classes) {
            byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
            sha.update(ByteBuffer.allocate(4).putInt(bytes.length).flip());
            sha.update(bytes);
        }
        sha.update(hash.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(sha.digest()).substring(0, 16);
    }

    /** What differs in another one, in words, this one's value first; empty when nothing does. */
    public List<String> differences(Fingerprint other) {
        List<String> all = new ArrayList<>();
        if (items != other.items) all.add(items + " items, now " + other.items);
        if (!classes.equals(other.classes)) all.add("classes " + Notes.some(classes) + ", now " + Notes.some(other.classes));
        if (all.isEmpty() && !hash.equals(other.hash)) all.add("names, sizes or labels of its " + items + " items differ");
        return all;
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }
}
