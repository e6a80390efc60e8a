package io.palitra.app;

/** palitra COMMAND. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(2);
    }
}
