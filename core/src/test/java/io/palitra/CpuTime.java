package io.palitra;

import java.lang.management.ManagementFactory;

/** Time that this thread has computed, which a busy machine does not lengthen. */
public final class CpuTime {
    private CpuTime() {}

    public static long nanos() { return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime(); }
}
