package io.palitra.job;

import io.palitra.config.ConfigException;
import io.palitra.data.FormatException;
import io.palitra.engine.EngineError;
import io.palitra.engine.Torch;
import io.palitra.train.RunConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The program itself: its version, its engine, its faults in words. */
public final class Program {
    /** Why the engine could not be loaded ahead; null where it could. */
    private static volatile @Nullable EngineError noEngine;

    private Program() {}

    /** Palitra's version; "development" when run from classes. */
    public static String version() { return RunConfig.version(); }

    /** A thread, not started, that loads the engine; a request that needs the engine meets the same fault again. */
    public static Thread engineAhead() {
        Thread ahead = new Thread(Torch::load, "palitra-ahead");
        ahead.setUncaughtExceptionHandler((t, e) -> {
            if (e instanceof EngineError fault) noEngine = fault;
        });
        return ahead;
    }

    /** A fault in one line for a user, without names of classes and without control characters. */
    public static String message(Throwable e) {
        if (e instanceof OutOfMemoryError) return "out of memory: " + e.getMessage() + " (PALITRA_JAVA_OPTS=-Xmx4g gives the JVM more)";
        if (e instanceof LinkageError) {
            for (Throwable t = e; t != null; t = t.getCause()) if (t instanceof EngineError) return plain(t.getMessage());
            EngineError fault = noEngine;
            return plain(fault != null ? fault.getMessage() : "a library cannot be loaded: " + e.getMessage());
        }
        if (e instanceof UncheckedIOException u && (u.getMessage() == null || u.getMessage().equals(String.valueOf(u.getCause())))) {
            return message(Objects.requireNonNull(u.getCause()));
        }
        if (e instanceof FileSystemException f) return plain(f.getFile() == null ? reason(f) : reason(f) + ": " + f.getFile());
        if (e instanceof FormatException || e instanceof ConfigException || e instanceof UncheckedIOException
            || e instanceof IOException && e.getMessage() != null) return plain(e.getMessage());
        if (e instanceof IOException) return "a file cannot be read or written, and the system does not say why";
        if (e instanceof RuntimeException r) return plain(Torch.message(r));
        return plain(e.toString());
    }

    private static String plain(@Nullable String text) { return String.valueOf(text).replaceAll("\\p{Cntrl}", "?"); }

    private static String reason(FileSystemException e) {
        if (e instanceof NoSuchFileException) return "no such file";
        if (e instanceof AccessDeniedException) return "access denied";
        if (e instanceof FileAlreadyExistsException) return "exists, and is not what is wanted there";
        if (e instanceof DirectoryNotEmptyException) return "the folder is not empty";
        if (e instanceof NotDirectoryException) return "not a folder";
        if (e instanceof FileSystemLoopException) return "links that lead in a circle";
        return e.getReason() == null ? "cannot be read or written" : e.getReason();
    }
}
