package io.palitra.report;

import io.palitra.config.ArgumentException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One axis of a plot, from {@code low} to {@code high} in data units, with ticks at round numbers: 1, 2 or 5 times a power of ten. */
record Axis(double low, double high, double step, boolean log) {
    private static final double LARGEST = 1e300;

    /** An axis that covers min..max, ends on ticks, and has about so many. @throws IllegalArgumentException for what is not finite */
    static Axis linear(double min, double max, int about) {
        if (!(Math.abs(min) <= LARGEST && Math.abs(max) <= LARGEST && min <= max)) {
            throw new ArgumentException("illegal range: " + min + " to " + max + ", must be finite and rising");
        }
        double size = Math.max(Math.abs(min), Math.abs(max));
        if (max - min <= 1e-12 * size) {
            double around = size == 0 ? 1 : size * 1e-2;
            return linear(min - around, max + around, about);
        }
        double step = round((max - min) / about);
        return new Axis(Math.floor(min / step + 1e-9) * step, Math.ceil(max / step - 1e-9) * step, step, false);
    }

    /** An axis of a positive range on which equal ratios are equal lengths. */
    static Axis logarithmic(double min, double max) {
        if (!(min > 0 && min <= max && max <= LARGEST)) {
            throw new ArgumentException("illegal range: " + min + " to " + max + ", must be positive, finite and rising");
        }
        double low = min;
        double high = max;
        if (high / low < 1.05) {
            low /= 1.05;
            high *= 1.05;
        }
        return new Axis(low, high, 0, true);
    }

    /** Where a value lies: 0 at low, 1 at high. */
    double at(double value) {
        return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    }

    List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        if (!log) {
            long first = (long) Math.ceil(low / step - 1e-9);
            long last = (long) Math.floor(high / step + 1e-9);
            for (long i = first; i <= last; i++) ticks.add(i * step);
            return ticks;
        }
        double decades = Math.log10(high / low);
        if (decades < 0.7) return linear(low, high, 4).ticks().stream().filter(t -> t >= low && t <= high).toList();
        int every = (int) Math.ceil(decades / 7);
        int[] digits = decades > 2.5 ? new int[] {1} : new int[] {1, 2, 5};
        for (int power = (int) Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
            if (Math.floorMod(power, every) != 0) continue;
            for (int digit : digits) {
                double tick = digit * Math.pow(10, power);
                if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.add(tick);
            }
        }
        return ticks;
    }

    /** A tick in words: 0.25, 20k, 1.5M, 2e-05; as many digits as tell neighbours apart. */
    String label(double tick) {
        double finest = log ? Math.abs(tick) * 1e-6 : step;
        double largest = log ? Math.abs(tick) : Math.max(Math.abs(low), Math.abs(high));
        if (Math.abs(tick) < finest * 1e-6) return "0";
        int decimals = (int) -Math.floor(Math.log10(finest) + 1e-9);
        if (largest >= 1e9 || largest < 1e-3) return scientific(tick, decimals);
        if (largest >= 1e6) return plain(tick, decimals, 6) + "M";
        if (largest >= 1e4) return plain(tick, decimals, 3) + "k";
        return plain(tick, decimals, 0);
    }

    /** A value with about four digits, for a legend. */
    static String brief(double value) {
        if (value == 0) return "0";
        double size = Math.abs(value);
        if (!(size >= 1e-3 && size < 1e6)) return trimmed(String.format(Locale.ROOT, "%.3e", value));
        int decimals = Math.max(0, 3 - (int) Math.floor(Math.log10(size)));
        return new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
    }

    /** @param decimals of the tick itself, of which {@code shift} go before the point */
    private static String plain(double tick, int decimals, int shift) {
        BigDecimal rounded = new BigDecimal(tick).setScale(Math.max(0, decimals), RoundingMode.HALF_EVEN);
        return shown(rounded.movePointLeft(shift));
    }

    private static String shown(BigDecimal value) {
        return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
    }

    private static String scientific(double tick, int decimals) {
        BigDecimal rounded = new BigDecimal(tick).setScale(decimals, RoundingMode.HALF_EVEN);
        if (rounded.signum() == 0) return "0";
        String digits = rounded.unscaledValue().abs().toString().replaceFirst("0+$", "");
        int power = rounded.precision() - rounded.scale() - 1;
        return (rounded.signum() < 0 ? "-" : "") + digits.charAt(0) + (digits.length() > 1 ? "." + digits.substring(1) : "")
            + String.format(Locale.ROOT, "e%s%02d", power < 0 ? "-" : "+", Math.abs(power));
    }

    private static String trimmed(String scientific) {
        return scientific.replaceFirst("(\\.\\d*?)0+e", "$1e").replace(".e", "e");
    }

    private static double round(double step) {
        double power = Math.pow(10, Math.floor(Math.log10(step)));
        double digit = step / power;
        return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
    }
}
