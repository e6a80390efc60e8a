package io.palitra.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** libtorch cannot be loaded. The message is one line that names the folder of the libraries and what to do. */
public final class EngineError extends LinkageError {
    private static final long serialVersionUID = 1;
    private static final String CLASS = "\\b([a-z]\\w*\\.)+[A-Z][\\w$]*(Exception|Error): ";
    private static final int LONGEST = 300;
    private static final String ANOTHER =
        "-Dorg.bytedeco.javacpp.cachedir=FOLDER names another folder (for ./palitra in PALITRA_JAVA_OPTS)";

    EngineError(String fault) { super(fault + "; " + ANOTHER); }

    /** The same fault, met again. */
    EngineError(EngineError first) {
        super(first.getMessage());
        initCause(first);
    }

    private EngineError(String fault, Throwable cause) {
        super(fault + "; " + ANOTHER);
        initCause(cause);
    }

    /** The loader's messages, in words for a user. */
    static EngineError of(String platform, Path folder, Throwable cause) {
        List<String> messages = messages(cause);
        String all = String.join("\n", messages).toLowerCase(Locale.ROOT), why;
        if (all.contains("no space left") || all.contains("quota exceeded")) {
            why = "its disk is full: " + (folder.toFile().getUsableSpace() >> 20) + " MiB are free, and the libraries take about 1000";
        } else if (all.contains("failed to map segment")) {
            why = "its file system does not let programs run from it (noexec)";
        } else if (all.contains("glibc_") || all.contains("glibcxx_")) {
            why = "this system's C or C++ library is older than they want: " + line(messages, "GLIBC");
        } else if (all.contains("ld-linux") || all.contains("error relocating")) {
            why = "this system's C library is not glibc, for which they are made";
        } else if (all.contains("read-only file system")) {
            why = "its file system is read-only";
        } else {
            why = messages.isEmpty() ? "the loader gave no reason" : messages.get(messages.size() - 1);
        }
        return new EngineError("the native libraries (" + platform + ") cannot be loaded from '" + folder + "': "
            + (why.length() <= LONGEST ? why : why.substring(0, LONGEST) + "..."), cause);
    }

    /** The first lines of all messages, the deepest last, without names of classes. */
    private static List<String> messages(Throwable cause) {
        List<String> messages = new ArrayList<>();
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Throwable t = cause; t != null && seen.add(t); t = t.getCause()) {
            if (t.getMessage() == null) continue;
            t.getMessage().lines().findFirst().map(l -> l.replaceAll(CLASS, "")).ifPresent(messages::add);
        }
        return messages;
    }

    private static String line(List<String> messages, String word) {
        return messages.stream().filter(l -> l.contains(word)).findFirst().orElse("");
    }
}
