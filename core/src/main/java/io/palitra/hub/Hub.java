package io.palitra.hub;

import io.palitra.config.ArgumentException;
import io.palitra.config.InWords;
import io.palitra.data.DownloadException.Fault;
import io.palitra.data.DownloadException;
import io.palitra.data.Http;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Models of the Hugging Face hub, in the cache that other programs share. All files of a pull are of one commit; each appears under its
 * name only when it is whole and its hash is the one listed.
 */
public final class Hub {
    private static final int TRIES = 5;

    private final HubSettings settings;
    private final BooleanSupplier stop;
    private final Http http;
    private final HubApi api;
    private final HubCache cache;
    private final Duration pause;

    /**
     * A file of a pull.
     *
     * @param path within the model
     * @param bytes its size
     * @param fetched whether it was downloaded now; otherwise it was there
     */
    public record Item(String path, long bytes, boolean fetched) {}

    /**
     * The result of a pull.
     *
     * @param name the name that was given
     * @param commit that the revision names
     * @param folder the snapshot, with the files under their names
     */
    public record Pulled(HubName name, String commit, Path folder, List<Item> files) {}

    /** @param stop asked several times a second; true ends a pull with a {@link CancellationException} */
    public Hub(HubSettings settings, Http.TransferProgress progress, BooleanSupplier stop) {
        this(settings, progress, stop, Storage.DISK, Duration.ofSeconds(60), Duration.ofSeconds(1));
    }

    /** @param patience with a connection that brings no byte, or too few; @param pause before the next try, longer each time */
    Hub(HubSettings settings, Http.TransferProgress progress, BooleanSupplier stop, Storage storage, Duration patience, Duration pause) {
        this.settings = settings;
        this.stop = stop;
        this.pause = pause;
        http = new Http(patience, stop);
        api = new HubApi(settings, http, progress);
        cache = new HubCache(settings.cache(), storage);
    }

    /**
     * The file or folder that a user named: a path, or "org/name[@revision]" of a model that was pulled. Asks no server.
     *
     * @throws IllegalArgumentException that lists where it was looked for
     * @throws DownloadException DISK when the cache cannot be read
     */
    public static Path resolve(String name) { return resolve(name, HubSettings.fromEnvironment()); }

    static Path resolve(String name, HubSettings settings) {
        String shown = HubName.shown(name);
        List<String> looked = new ArrayList<>();
        try {
            Path path = Path.of(name);
            if (!name.isEmpty() && Files.exists(path)) return path;
            looked.add(HubName.shown(path.toAbsolutePath().normalize().toString()));
        } catch (InvalidPathException e) {
            looked.add("no path (" + HubName.shown(e.getReason()) + ")");
        }
        HubName model;
        try {
            model = HubName.parse(name);
        } catch (IllegalArgumentException e) {
            throw new ArgumentException("no model '" + shown + "': it is no file or folder (looked for " + looked.get(0)
                + "), and no org/name of the hub", e);
        }
        HubCache cache = new HubCache(settings.cache(), Storage.DISK);
        try {
            Optional<String> commit = cache.commit(model);
            looked.add(commit.map(c -> cache.snapshot(model, c)).orElse(cache.ref(model)).toString());
            if (commit.isPresent() && !cache.paths(model, commit.get()).isEmpty()) return cache.snapshot(model, commit.get());
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot read " + cache.repository(model) + ": " + StorageException.reason(e), e);
        }
        throw new ArgumentException("no model '" + shown + "': looked for the file or folder " + looked.get(0)
            + " and in the cache for " + looked.get(1) + "; `palitra pull " + shown + "` downloads it");
    }

    /**
     * Fetches what is missing of a model. What cannot be fetched leaves the files that came before it; running again resumes.
     *
     * @param include names of files, with '*' for any characters, '/' too, '?' for one, and [abc]; empty for all files
     * @throws DownloadException why something is left missing
     * @throws io.palitra.data.FormatException when the hub's list is not valid
     * @throws IllegalArgumentException when no file is of the names asked for
     * @throws CancellationException when asked to stop
     */
    public Pulled pull(HubName name, List<String> include) {
        try {
            return settings.offline() ? offline(name, include) : online(name, include);
        } catch (ClosedByInterruptException e) {
            throw new CancellationException("the download was interrupted; running again resumes");
        } catch (IOException e) {
            throw new DownloadException(Fault.DISK, "cannot write to " + cache.repository(name) + ": " + StorageException.reason(e)
                + "; running again resumes", e);
        }
    }

    private Pulled online(HubName name, List<String> include) throws IOException {
        String commit = api.commit(name);
        Optional<List<HubFile>> known = cache.list(name, commit);
        List<HubFile> all = known.isPresent() ? known.get() : api.list(name, commit);
        List<HubFile> chosen = chosen(name, all, include);
        long missing = 0;
        for (HubFile file : chosen) if (!cache.holds(name, commit, file)) missing = sum(missing, cache.missing(name, file));
        long free = cache.free();
        if (free > 0 && missing > free) {   // 0: the file system does not report it
            throw new DownloadException(Fault.DISK, name + " needs " + missing + " more bytes in " + settings.cache() + ", " + free
                + " are free; HF_HUB_CACHE names another folder, --include takes fewer files", null);
        }
        if (known.isEmpty()) cache.remember(name, commit, all);
        List<Item> items = new ArrayList<>();
        for (HubFile file : chosen) {
            boolean there = cache.holds(name, commit, file);
            items.add(new Item(file.path(), file.size(), !there && fetch(name, commit, file)));
        }
        // last, so that offline work uses the commit before until this one is complete
        cache.remember(name, commit);
        return new Pulled(name, commit, cache.snapshot(name, commit), items);
    }

    /** The sum, or the largest number: no disk has more. */
    private static long sum(long a, long b) { return a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b; }

    private Pulled offline(HubName name, List<String> include) throws IOException {
        String commit = cache.commit(name).orElseThrow(() -> new DownloadException(Fault.OFFLINE, name + " was never pulled into "
            + settings.cache() + ", and HF_HUB_OFFLINE forbids to ask the hub", null));
        Path folder = cache.snapshot(name, commit);
        Optional<List<HubFile>> known = cache.list(name, commit);
        if (known.isEmpty()) {
            // there is no list of the commit's files: those that are here are all that is known
            List<Item> items = new ArrayList<>();
            for (String path : cache.paths(name, commit)) {
                if (matches(include, path)) items.add(new Item(path, Files.size(folder.resolve(path)), false));
            }
            if (!items.isEmpty()) return new Pulled(name, commit, folder, items);
            throw new DownloadException(Fault.OFFLINE, folder + " has no such files, and HF_HUB_OFFLINE forbids to ask the hub", null);
        }
        List<HubFile> chosen = chosen(name, known.get(), include);
        List<String> missing = new ArrayList<>();
        for (HubFile file : chosen) if (!cache.holds(name, commit, file)) missing.add(file.path());
        if (!missing.isEmpty()) {
            throw new DownloadException(Fault.OFFLINE, folder + " lacks " + some(missing)
                + ", and HF_HUB_OFFLINE forbids to ask the hub", null);
        }
        return new Pulled(name, commit, folder, chosen.stream().map(f -> new Item(f.path(), f.size(), false)).toList());
    }

    /** @return whether bytes of it were downloaded */
    private boolean fetch(HubName name, String commit, HubFile file) throws IOException {
        try (Closeable lock = cache.lock(name, file, http)) {
            boolean fresh = !cache.holds(name, file);
            if (fresh) receive(name, commit, file);
            cache.place(name, commit, file, fresh);
            return fresh;
        }
    }

    private void receive(HubName name, String commit, HubFile file) throws IOException {
        for (boolean again = true; ; again = false) {
            boolean joined;
            try (HubPart part = cache.part(name, file)) {
                part.joined = part.size() > 0;
                complete(name, commit, file, part);
                part.force();
                joined = part.joined;
            }
            String hash = file.hash(cache.incomplete(name, file), stop);
            if (hash.equals(file.etag())) break;
            cache.drop(name, file);
            // what an earlier run left may be at fault: once more from the start
            if (!joined || !again) {
                throw new DownloadException(Fault.CHECKSUM, file.path() + " of " + name + ": its hash is " + hash + ", listed is "
                    + file.etag() + "; the file was removed, try again", null);
            }
        }
        cache.finish(name, file);
    }

    /** Tries again after a cut connection, as long as each try brings bytes. */
    private void complete(HubName name, String commit, HubFile file, HubPart part) throws IOException {
        if (part.size() > file.size()) part.restart();
        int left = TRIES;
        while (part.size() < file.size()) {
            long before = part.size();
            try {
                api.fetch(name, commit, file, part);
                if (part.size() < file.size()) {
                    throw new DownloadException(Fault.CUT, file.path() + ": the connection ended after " + part.size() + " of "
                        + file.size() + " bytes; running again resumes", null);
                }
            } catch (DownloadException e) {
                left = part.size() > before ? TRIES : left - 1;
                if (e.fault() != Fault.CUT || left == 0) throw e;
                http.pause(pause.multipliedBy(1L << TRIES - left));
            }
        }
    }

    private static List<HubFile> chosen(HubName name, List<HubFile> all, List<String> include) {
        List<HubFile> chosen = all.stream().filter(f -> matches(include, f.path())).toList();
        if (!chosen.isEmpty()) return chosen;
        throw new ArgumentException(all.isEmpty() ? name + " has no files"
            : "no file of " + name + " is of " + InWords.list(include) + "; it has " + some(all.stream().map(HubFile::path).toList()));
    }

    private static String some(List<String> paths) {
        String first = String.join(", ", paths.subList(0, Math.min(10, paths.size())));
        return paths.size() > 10 ? first + " and " + (paths.size() - 10) + " more" : first;
    }

    private static boolean matches(List<String> include, String path) {
        return include.isEmpty() || include.stream().anyMatch(glob -> regex(glob).matcher(path).matches());
    }

    /** As Python's fnmatch: no character stops a star; a folder with its slash means all within. */
    private static Pattern regex(String glob) {
        StringBuilder out = new StringBuilder();
        String text = glob.endsWith("/") ? glob + "*" : glob;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int end = c == '[' ? text.indexOf(']', i + 2) : -1;
            if (c == '*') {
                out.append(".*");
            } else if (c == '?') {
                out.append('.');
            } else if (end > 0) {
                String set = text.substring(i + 1, end).replaceAll("[\\\\\\[\\]&^]", "\\\\$0");
                out.append('[').append(set.startsWith("!") ? "^" + set.substring(1) : set).append(']');
                i = end;
            } else {
                out.append(Pattern.quote(String.valueOf(c)));
            }
        }
        try {
            return Pattern.compile(out.toString(), Pattern.DOTALL);
        } catch (PatternSyntaxException e) {
            throw new ArgumentException("illegal include: '" + HubName.shown(glob) + "', [ ] must hold characters or ranges", e);
        }
    }
}
