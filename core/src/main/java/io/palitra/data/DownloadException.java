package io.palitra.data;

import org.jspecify.annotations.Nullable;

/** Why a download did not end well. One line for a user. */
public final class DownloadException extends RuntimeException {
    /**
     * STATUS: the server answered with an error. CHECKSUM: the bytes are not those published; they were removed. SIZE: more or fewer
     * bytes than published. CUT: the connection failed; running again resumes. SLOW: it brings too few bytes a second; running again
     * resumes. DISK: the file could not be written. BUSY: another download writes the same file. LATER: the server has no time now.
     * NO_REPOSITORY, NO_REVISION, NO_FILE: what the hub does not have, or does not show without a token. ACCESS: the token is refused.
     * GATED: its owner wants terms accepted first. OFFLINE: it is not here, and asking for it is forbidden.
     */
    public enum Fault { STATUS, CHECKSUM, SIZE, CUT, SLOW, DISK, BUSY, LATER, NO_REPOSITORY, NO_REVISION, NO_FILE, ACCESS, GATED, OFFLINE }

    private final Fault fault;

    public DownloadException(Fault fault, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.fault = fault;
    }

    public Fault fault() { return fault; }
}
