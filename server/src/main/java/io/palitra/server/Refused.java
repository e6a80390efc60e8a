package io.palitra.server;

/** A request that is answered by a fault. */
final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient Fault fault;
    private final int retryAfter;

    Refused(int http, String code, String field, String message) { this(http, code, field, message, 0); }

    /** @param retryAfter seconds, 0 where it makes no difference */
    Refused(int http, String code, String field, String message, int retryAfter) {
        super(message);
        fault = new Fault(http, code, field, message);
        this.retryAfter = retryAfter;
    }

    Fault fault() { return fault; }

    int retryAfter() { return retryAfter; }
}
