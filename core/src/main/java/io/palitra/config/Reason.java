package io.palitra.config;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Why a file could not be read or written, in a user's words: never the name of an exception. */
public final class Reason {
    private Reason() {}

    /** The reason alone, for a message that names the file itself: "no space left on device". */
    public static String of(IOException e) {
        if (e instanceof AccessDeniedException) return "permission denied";
        if (e instanceof NoSuchFileException) return "no such file or folder";
        if (e instanceof FileAlreadyExistsException f) return f.getFile() + " is in the way";
        if (e instanceof DirectoryNotEmptyException) return "the folder is not empty";
        if (e instanceof NotDirectoryException) return "not a folder";
        if (e instanceof ClosedByInterruptException) return "the thread was interrupted";
        if (e instanceof CharacterCodingException) return "not text in UTF-8";
        if (e instanceof EOFException) return "ends too soon";
        String said = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
        if (said == null || said.isBlank()) return "input or output failed";
        String line = said.lines().findFirst().orElse(said).strip();
        // as the system says it: "No space left on device"
        boolean sentence = line.length() > 1 && Character.isUpperCase(line.charAt(0)) && Character.isLowerCase(line.charAt(1));
        return sentence ? Character.toLowerCase(line.charAt(0)) + line.substring(1) : line;
    }

    /** One line for who knows the file only by the exception: "'a.txt': permission denied". */
    public static String told(IOException e) {
        if (e instanceof FileSystemException f && f.getFile() != null) return "'" + f.getFile() + "': " + of(e);
        if (e instanceof FileNotFoundException && e.getMessage() != null) return e.getMessage();
        return of(e);
    }
}
