package io.palitra.hub;

import com.fasterxml.jackson.databind.JsonNode;
import io.palitra.config.ConfigException;
import io.palitra.config.Json;
import io.palitra.data.DownloadException;
import io.palitra.data.DownloadException.Fault;
import io.palitra.data.FormatException;
import io.palitra.data.Http;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Requests to the hub: the commit of a revision, the files of a commit, their bytes. */
final class HubApi {
    /** Files and folders of one model, at most; the largest data sets have fewer, and their names fit in memory. */
    private static final int MOST_FILES = 100_000;
    private static final int MOST_PAGES = 1000;
    /** A page of 1000 files takes some 300 KB. */
    private static final int LONGEST_PAGE = 16 << 20;
    private static final int TRIES = 5;
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(5);
    private static final Pattern NEXT = Pattern.compile("<([^<>]+)>\\s*;\\s*rel=\"?next\"?");

    private final HubSettings settings;
    private final Http http;
    private final Http.TransferProgress progress;

    HubApi(HubSettings settings, Http http, Http.TransferProgress progress) {
        this.settings = settings;
        this.http = http;
        this.progress = progress;
    }

    /** The commit that a revision names now. */
    String commit(HubName name) {
        if (HubName.isCommit(name.revision())) return name.revision();
        URI address = address("/api/models/" + name.id() + "/revision/" + encode(name.revision()));
        String sha = page(name, address, new ArrayList<>()).path("sha").asText();
        if (!HubName.isCommit(sha)) throw new FormatException(address.toString(), -1, "names no commit for '" + name.revision() + "'");
        return sha;
    }

    /** All files of a commit. */
    List<HubFile> list(HubName name, String commit) {
        List<HubFile> files = new ArrayList<>();
        Optional<URI> at = Optional.of(address("/api/models/" + name.id() + "/tree/" + commit + "?recursive=true"));
        String source = at.get().toString();
        int entries = 0;
        for (int pages = 0; at.isPresent(); pages++) {
            List<String> links = new ArrayList<>();
            JsonNode page = page(name, at.get(), links);
            if (!page.isArray()) throw new FormatException(source, -1, "answered with no list of files");
            entries += page.size();
            if (entries > MOST_FILES || pages >= MOST_PAGES) {
                throw new FormatException(source, -1, "lists more than " + MOST_FILES + " files, or in more than " + MOST_PAGES + " pages");
            }
            for (JsonNode entry : page) if (entry.path("type").asText().equals("file")) files.add(file(entry));
            at = links.stream().findFirst().map(link -> next(source, link));
        }
        HubFile.refuseClashes(source, files);
        return files;
    }

    private static HubFile file(JsonNode entry) {
        JsonNode large = entry.path("lfs");
        Optional<String> sha256 = large.isObject() ? Optional.of(large.path("oid").asText()) : Optional.empty();
        JsonNode size = (large.isObject() ? large : entry).path("size");
        return new HubFile(entry.path("path").asText(), size.isIntegralNumber() && size.canConvertToLong() ? size.longValue() : -1,
            entry.path("oid").asText(), sha256);
    }

    /** The next page is asked with the token, so it must be the hub's own. */
    private URI next(String source, String link) {
        try {
            URI to = settings.endpoint().resolve(link);
            if (Http.sameOrigin(settings.endpoint(), to)) return to;
        } catch (IllegalArgumentException e) {
            // reported below
        }
        throw new FormatException(source, -1, "continues at '" + HubName.shown(link) + "', which is not on the hub");
    }

    private JsonNode page(HubName name, URI address, List<String> next) {
        try (Http.Reply reply = ask(name, "", address, Map.of())) {
            Matcher link = NEXT.matcher(reply.header("Link").orElse(""));
            if (link.find()) next.add(link.group(1));
            return Json.read(address.toString(), http.body(address.toString(), reply, LONGEST_PAGE));
        } catch (ConfigException e) {
            throw new FormatException(address.toString(), -1, "answered with what is no JSON: " + e.getMessage(), e);
        } catch (IOException e) {
            throw new DownloadException(Fault.CUT, address + ": " + e.getMessage() + "; try again", e);
        }
    }

    /** Downloads what a part lacks of a file. It must be of the version of which the part is. */
    void fetch(HubName name, String commit, HubFile file, HubPart part) throws IOException {
        String path = Stream.of(file.path().split("/")).map(HubApi::encode).collect(Collectors.joining("/"));
        URI address = address("/" + name.id() + "/resolve/" + commit + "/" + path);
        Map<String, String> headers = new TreeMap<>();
        if (part.size() > 0) {
            headers.put("Range", "bytes=" + part.size() + "-");
            part.server.ifPresent(tag -> headers.put("If-Range", tag));
        }
        try (Http.Reply reply = ask(name, file.path(), address, headers)) {
            same(file, "commit", commit, reply.firstHeader("X-Repo-Commit"));
            same(file, "content", file.etag(), reply.firstHeader("X-Linked-Etag").map(t -> t.replaceAll("^W/|\"", "")));
            same(file, "size", String.valueOf(file.size()), reply.firstHeader("X-Linked-Size"));
            part.joined |= part.size() > 0;
            // a weak ETag does not promise equal bytes
            part.server = reply.header("ETag").filter(t -> t.matches("\"[!#-~]{1,200}\""));
            http.receive(file.path(), reply, part, file.size(), progress);
        }
    }

    private static void same(HubFile file, String what, String asked, Optional<String> got) {
        if (got.isPresent() && !got.get().equals(asked)) {
            throw new DownloadException(Fault.CHECKSUM, file.path() + ": its " + what + " is " + HubName.shown(got.get()) + ", listed was "
                + asked, null);
        }
    }

    /** Waits when the hub demands it; throws for an error status. 416 is left to the caller, which knows how much it has. */
    private Http.Reply ask(HubName name, String file, URI address, Map<String, String> headers) {
        for (int tries = 1; ; tries++) {
            Http.Reply reply = http.get(address, headers, settings.token());
            int status = reply.status();
            if (status < 400 || status == 416) return reply;
            try (reply) {
                if (status != 429 && status != 503) throw refusal(name, file, reply);
                Duration wait = wait(reply.header("Retry-After"), tries);
                if (tries == TRIES || wait.compareTo(LONGEST_WAIT) > 0) {
                    throw new DownloadException(Fault.LATER, settings.endpoint().getHost() + " answered with HTTP status " + status
                        + " and asks to come back in " + wait.toSeconds() + " s; try again then" + reason(reply), null);
                }
                http.pause(wait);
            } catch (IOException e) {
                throw new DownloadException(Fault.CUT, address + ": " + e.getMessage() + "; try again", e);
            }
        }
    }

    /** Seconds or a date; without either twice as long each time. */
    private static Duration wait(Optional<String> retryAfter, int tries) {
        String text = retryAfter.map(String::strip).orElse("");
        if (text.matches("\\d{1,9}")) return Duration.ofSeconds(Long.parseLong(text));
        try {
            Duration until = Duration.between(Instant.now(), ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
            return until.isNegative() ? Duration.ZERO : until;
        } catch (DateTimeException e) {
            return Duration.ofSeconds(1L << tries - 1);
        }
    }

    private DownloadException refusal(HubName name, String file, Http.Reply reply) {
        int status = reply.status();
        String code = reply.firstHeader("X-Error-Code").orElse("");
        String access = settings.token().isPresent() ? "the token has no access to it" : "no token is set: HF_TOKEN, or `hf auth login`";
        if (code.equals("GatedRepo")) {
            return new DownloadException(Fault.GATED, name.id() + " is gated: accept its terms at " + settings.endpoint() + "/" + name.id()
                + "; then " + (settings.token().isPresent() ? "the token must be of that account" : "set HF_TOKEN"), null);
        }
        if (code.equals("RevisionNotFound")) {
            return new DownloadException(Fault.NO_REVISION, name.id() + " has no revision '" + name.revision() + "'", null);
        }
        if (code.equals("EntryNotFound")) return new DownloadException(Fault.NO_FILE, name + " has no file '" + file + "'", null);
        if (status == 403 || status == 401 && reply.firstHeader("X-Error-Message").orElse("").startsWith("Invalid credentials")) {
            return new DownloadException(Fault.ACCESS, settings.endpoint().getHost() + " refuses access to " + name.id() + ": " + access
                + reason(reply), null);
        }
        if (status == 401 || status == 404) {
            return new DownloadException(Fault.NO_REPOSITORY, settings.endpoint().getHost() + " has no model '" + name.id()
                + "', or it is private and " + access, null);
        }
        return new DownloadException(Fault.STATUS, name + (file.isEmpty() ? "" : ", " + file) + ": " + reply.address().getHost()
            + " answered with HTTP status " + status + reason(reply), null);
    }

    private static String reason(Http.Reply reply) {
        return reply.firstHeader("X-Error-Message").map(m -> "; it says: " + HubName.shown(m)).orElse("");
    }

    private URI address(String path) { return URI.create(settings.endpoint() + path); }

    private static String encode(String part) { return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"); }
}
