package io.palitra.hub;

import io.palitra.config.ArgumentException;
import java.util.regex.Pattern;

/**
 * A model on the hub.
 *
 * @param id organisation and name, "org/name"
 * @param revision a branch, a tag, or a commit in 40 hexadecimal digits
 */
public record HubName(String id, String revision) {
    /** The branch that is meant when none is named. */
    static final String MAIN = "main";
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    private static final String PART = "[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?";
    private static final Pattern ID = Pattern.compile(PART + "/" + PART);
    private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*");

    public HubName {
        // the folder of the cache is models--org--name: what has "--" itself would be two
        if (!ID.matcher(id).matches() || id.contains("--") || id.contains("..")) {
            throw new ArgumentException("illegal model: '" + shown(id) + "', must be org/name of letters, digits, '.', '_' and '-'");
        }
        if (!REVISION.matcher(revision).matches() || revision.contains("..") || revision.length() > 200) {
            throw new ArgumentException("illegal revision: '" + shown(revision) + "', must be a branch, a tag or a commit");
        }
    }

    /** "org/name" or "org/name@revision". @throws IllegalArgumentException for anything else */
    public static HubName parse(String text) {
        int at = text.indexOf('@');
        return at < 0 ? new HubName(text, MAIN) : new HubName(text.substring(0, at), text.substring(at + 1));
    }

    static boolean isCommit(String text) { return COMMIT.matcher(text).matches(); }

    /** The name of its folder in the cache. */
    String folder() { return "models--" + id.replace("/", "--"); }

    static String shown(String text) { return (text.length() > 200 ? text.substring(0, 200) + "..." : text).replaceAll("\\p{Cntrl}", "?"); }

    @Override public String toString() { return revision.equals(MAIN) ? id : id + "@" + revision; }
}
