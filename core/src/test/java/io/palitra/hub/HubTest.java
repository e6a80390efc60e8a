package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.palitra.data.DownloadException;
import io.palitra.data.DownloadException.Fault;
import io.palitra.data.FormatException;
import io.palitra.data.Http;
import io.palitra.hub.LoopbackHub.Asked;
import io.palitra.hub.LoopbackHub.Manner;
import io.palitra.train.FaultStorage;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubTest {
    private static final HubName NAME = HubName.parse("org/name");
    private static final String WEIGHTS = "unet/model.safetensors";
    private static final Http.TransferProgress SILENT = (file, bytes, total) -> { };

    @TempDir private Path dir;
    private LoopbackHub server;

    @BeforeEach void start() throws IOException { server = new LoopbackHub(); }

    @AfterEach void stop() { server.close(); }

    private Path cache() { return dir.resolve("hub"); }

    private Path model() { return cache().resolve("models--org--name"); }

    private Path snapshot() { return model().resolve("snapshots").resolve(LoopbackHub.COMMIT); }

    private Path part() { return model().resolve("blobs").resolve(server.etag(WEIGHTS) + ".palitra.incomplete"); }

    private HubSettings settings(boolean offline) {
        return new HubSettings(cache(), URI.create(server.endpoint()), Optional.of(LoopbackHub.TOKEN), offline);
    }

    private Hub hub(Storage storage, BooleanSupplier stop, Http.TransferProgress progress) {
        return new Hub(settings(false), progress, stop, storage, Duration.ofMillis(1500), Duration.ofMillis(5));
    }

    private Hub.Pulled pull(String... include) { return hub(Storage.DISK, () -> false, SILENT).pull(NAME, List.of(include)); }

    private DownloadException fails() { return catchThrowableOfType(DownloadException.class, () -> pull()); }

    private void whole() throws IOException {
        for (Map.Entry<String, byte[]> e : server.files.entrySet()) {
            assertThat(snapshot().resolve(e.getKey())).hasBinaryContent(e.getValue());
        }
    }

    /** All that has a final name is whole, whatever happened. */
    private void nothingHalf() throws IOException {
        for (Map.Entry<String, byte[]> e : server.files.entrySet()) {
            Path blob = model().resolve("blobs").resolve(server.etag(e.getKey())), file = snapshot().resolve(e.getKey());
            if (Files.exists(blob)) assertThat(blob).hasBinaryContent(e.getValue());
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) assertThat(file).hasBinaryContent(e.getValue());
        }
    }

    @Test void aModelComesIntoTheCacheAsOtherProgramsLayItOut() throws Exception {
        long[] last = new long[2];
        Hub.Pulled pulled = hub(Storage.DISK, () -> false, (file, bytes, total) -> {
            if (!file.equals(WEIGHTS)) return;
            assertThat(bytes).isGreaterThan(last[0]);
            last[0] = bytes;
            last[1] = total;
        }).pull(NAME, List.of());
        assertThat(pulled.commit()).isEqualTo(LoopbackHub.COMMIT);
        assertThat(pulled.folder()).isEqualTo(snapshot());
        assertThat(pulled.files()).extracting(Hub.Item::path).containsExactlyInAnyOrderElementsOf(server.files.keySet());
        assertThat(pulled.files()).allMatch(Hub.Item::fetched);
        whole();
        assertThat(last).containsExactly(300_000, 300_000);
        assertThat(Files.readString(model().resolve("refs/main"))).isEqualTo(LoopbackHub.COMMIT);
        assertThat(Files.readSymbolicLink(snapshot().resolve("config.json")))
            .isEqualTo(Path.of("../../blobs/" + server.etag("config.json")));
        assertThat(Files.readSymbolicLink(snapshot().resolve(WEIGHTS))).isEqualTo(Path.of("../../../blobs/" + server.etag(WEIGHTS)));
        assertThat(cache().resolve("CACHEDIR.TAG")).content().startsWith("Signature: 8a477f597d28d172789f06886806bc55");
        try (Stream<Path> left = Files.list(model().resolve("blobs"))) {
            assertThat(left.map(p -> p.getFileName().toString())).noneMatch(n -> n.contains("incomplete")).hasSize(server.files.size());
        }
    }

    @Test void theTokenGoesToTheHubAndToNoOtherHost() {
        pull();
        assertThat(server.asked("hub")).hasSizeGreaterThan(5).allMatch(a -> a.token().equals("Bearer " + LoopbackHub.TOKEN));
        assertThat(server.asked("store")).hasSize(1).allMatch(a -> a.token().isEmpty());
        assertThat(settings(false).toString()).doesNotContain(LoopbackHub.TOKEN);
    }

    @Test void allFilesAreAskedForAtTheCommitTheRevisionHadFirst() {
        pull();
        assertThat(server.asked("hub")).filteredOn(a -> a.path().contains("/resolve/"))
            .isNotEmpty().allMatch(a -> a.path().startsWith("/org/name/resolve/" + LoopbackHub.COMMIT + "/"));
        assertThat(server.asked("hub")).filteredOn(a -> a.path().contains("/revision/")).hasSize(1);
    }

    @Test void whatIsThereIsNotFetchedAgain() {
        pull();
        server.forget();
        assertThat(pull().files()).noneMatch(Hub.Item::fetched);
        assertThat(server.asked()).extracting(Asked::path).containsExactly("/api/models/org/name/revision/main");
        server.forget();
        hub(Storage.DISK, () -> false, SILENT).pull(HubName.parse("org/name@" + LoopbackHub.COMMIT), List.of());
        assertThat(server.asked()).isEmpty();
    }

    @Test void onlyFilesOfTheNamesAskedForCome() {
        assertThat(pull("*.json").files()).extracting(Hub.Item::path).containsExactlyInAnyOrder("config.json", "unet/config.json");
        assertThat(snapshot().resolve(WEIGHTS)).doesNotExist();
        assertThat(pull("unet/", "READM[D-F].m?").files()).extracting(Hub.Item::path).hasSize(4).contains("README.md", WEIGHTS);
        assertThat(catchThrowableOfType(IllegalArgumentException.class, () -> pull("*.bin"))).hasMessageContaining(WEIGHTS);
        assertThat(catchThrowableOfType(IllegalArgumentException.class, () -> pull("[z-a]"))).hasMessageContaining("[z-a]");
    }

    @Test void aCutConnectionIsResumedByItselfWhereItBroke() throws Exception {
        server.manner = Manner.CUT_ALWAYS;
        pull();
        whole();
        assertThat(server.asked("store")).extracting(Asked::range).startsWith("").hasSizeGreaterThanOrEqualTo(3);
        assertThat(server.asked("store").subList(1, 3)).allMatch(a -> a.range().matches("bytes=[1-9]\\d*-"))
            .allMatch(a -> a.ifRange().equals("\"store-1\""));
    }

    @Test void whatAnEarlierRunLeftIsResumed() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), Arrays.copyOf(server.files.get(WEIGHTS), 123_456));
        pull();
        whole();
        assertThat(server.asked("store")).extracting(Asked::range).containsExactly("bytes=123456-");
        assertThat(part()).doesNotExist();
    }

    @Test void aLeftoverThatIsWrongIsFetchedOnceMoreFromTheStart() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), new byte[123_456]);
        pull();
        whole();
        assertThat(server.asked("store")).extracting(Asked::range).containsExactly("bytes=123456-", "");
    }

    @Test void aLeftoverLongerThanTheFileStartsAnew() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), new byte[400_000]);
        pull();
        whole();
        assertThat(server.asked("store")).extracting(Asked::range).containsExactly("");
    }

    @Test void aServerThatChangesTheFileBetweenTwoPartsIsFoundOut() throws Exception {
        server.manner = Manner.CHANGES;
        assertThat(fails().fault()).isEqualTo(Fault.CHECKSUM);
        assertThat(server.asked("store").get(1).ifRange()).isEqualTo("\"store-1\"");
        assertThat(snapshot().resolve(WEIGHTS)).doesNotExist();
        assertThat(part()).doesNotExist();
        nothingHalf();
    }

    @Test void wrongBytesAreRemovedAndSaid() throws Exception {
        server.manner = Manner.WRONG;
        assertThat(fails()).hasMessageContaining(server.etag(WEIGHTS)).extracting(DownloadException::fault).isEqualTo(Fault.CHECKSUM);
        assertThat(part()).doesNotExist();
        nothingHalf();
        assertThat(model().resolve("refs/main")).doesNotExist();
    }

    @Test void wrongBytesOfASmallFileAreFoundByGitsHash() throws Exception {
        server.listing = "[{\"type\": \"file\", \"path\": \"README.md\", \"size\": 10, \"oid\": \"" + "a".repeat(40) + "\"}]";
        assertThat(fails().fault()).isEqualTo(Fault.CHECKSUM);
        assertThat(snapshot().resolve("README.md")).doesNotExist();
    }

    @Test void anotherCommitOrContentThanListedIsRefusedBeforeAByteIsTaken() throws Exception {
        Path part = part();
        server.linkedEtag = "f".repeat(64);
        assertThat(fails()).hasMessageContaining("content").extracting(DownloadException::fault).isEqualTo(Fault.CHECKSUM);
        server.repoCommit = "9".repeat(40);
        server.files.remove(WEIGHTS);
        server.files.put("more.txt", new byte[3]);
        Files.delete(model().resolve("trees").resolve(LoopbackHub.COMMIT + ".json"));
        assertThat(fails()).hasMessageContaining("commit is 999").extracting(DownloadException::fault).isEqualTo(Fault.CHECKSUM);
        assertThat(server.asked("store")).hasSize(1);
        assertThat(Files.size(part)).isZero();
    }

    @Test void whatTheHubRefusesIsNamedForWhatItIs() {
        Map<Fault, List<String>> refusals = Map.of(
            Fault.GATED, List.of("403", "X-Error-Code: GatedRepo"), Fault.NO_REPOSITORY, List.of("401", "X-Error-Code: RepoNotFound"),
            Fault.NO_REVISION, List.of("404", "X-Error-Code: RevisionNotFound"),
            Fault.NO_FILE, List.of("404", "X-Error-Code: EntryNotFound"),
            Fault.ACCESS, List.of("401", "X-Error-Message: Invalid credentials in Authorization header"), Fault.STATUS, List.of("500"));
        refusals.forEach((fault, answer) -> {
            server.refusal = path -> answer;
            DownloadException e = fails();
            assertThat(e.fault()).as(e.getMessage()).isEqualTo(fault);
            assertThat(e.getMessage()).contains("org/name").doesNotContain("\n").doesNotContain(LoopbackHub.TOKEN);
        });
        server.refusal = path -> List.of("404");
        assertThat(fails().fault()).isEqualTo(Fault.NO_REPOSITORY);
        server.refusal = path -> List.of("403");
        assertThat(fails().fault()).isEqualTo(Fault.ACCESS);
        server.refusal = path -> null;
        assertThat(catchThrowableOfType(DownloadException.class, () -> hub(Storage.DISK, () -> false, SILENT)
            .pull(HubName.parse("org/name@v9"), List.of())).getMessage()).contains("org/name has no revision 'v9'");
        assertThat(catchThrowableOfType(DownloadException.class, () -> hub(Storage.DISK, () -> false, SILENT)
            .pull(HubName.parse("org/other"), List.of())).fault()).isEqualTo(Fault.NO_REPOSITORY);
        assertThat(cache()).doesNotExist();
    }

    @Test void aFileThatIsGoneIsNamed() {
        server.refusal = path -> path.endsWith("/README.md") ? List.of("404", "X-Error-Code: EntryNotFound") : null;
        assertThat(fails()).hasMessageContaining("README.md").extracting(DownloadException::fault).isEqualTo(Fault.NO_FILE);
    }

    @Test void anErrorOfTheOtherHostLeavesThePart() throws Exception {
        Files.createDirectories(part().getParent());
        Files.write(part(), Arrays.copyOf(server.files.get(WEIGHTS), 5000));
        server.manner = Manner.MISSING;
        assertThat(fails().fault()).isEqualTo(Fault.ACCESS);
        assertThat(Files.size(part())).isEqualTo(5000);
    }

    @Test void aHubThatIsBusyIsAskedAgainWhenItSays() {
        for (String status : List.of("429", "503")) {
            int[] times = new int[1];
            server.refusal = path -> path.contains("/revision/") && times[0]++ < 2 ? List.of(status, "Retry-After: 1") : null;
            long start = System.nanoTime();
            pull();
            assertThat(System.nanoTime() - start).isGreaterThan(500_000_000L);
        }
        server.refusal = path -> List.of("429", "Retry-After: 3600");
        assertThat(fails()).hasMessageContaining("3600 s").extracting(DownloadException::fault).isEqualTo(Fault.LATER);
        server.refusal = path -> List.of("503", "Retry-After: Fri, 21 Nov 2014 10:00:00 GMT");
        assertThat(fails().fault()).isEqualTo(Fault.LATER);
    }

    @Test void aRangeThatTheServerHasNotStartsAnew() throws Exception {
        server.manner = Manner.NOT_SATISFIABLE;
        Files.createDirectories(part().getParent());
        Files.write(part(), new byte[1000]);
        pull();
        whole();
    }

    @Test void aServerWithoutRangesIsReadFromTheStart() throws Exception {
        server.manner = Manner.NO_RANGES;
        pull();
        whole();
    }

    @Test void aServerThatFallsSilentOrSendsTooMuchOrSendsInCirclesIsLeft() throws Exception {
        server.manner = Manner.LONGER;
        assertThat(fails().fault()).isEqualTo(Fault.SIZE);
        server.manner = Manner.LOOPS;
        assertThat(fails()).hasMessageContaining("redirects").extracting(DownloadException::fault).isEqualTo(Fault.STATUS);
        nothingHalf();
        server.manner = Manner.STALLS;
        server.forget();
        long start = System.nanoTime();
        pull();
        assertThat(System.nanoTime() - start).isBetween(1_000_000_000L, 15_000_000_000L);
        assertThat(server.asked("store")).extracting(Asked::range).containsExactly("", "bytes=100000-");
        whole();
    }

    @Test void aServerThatTricklesIsLeftAndTheRestComesLater() throws Exception {
        server.manner = Manner.TRICKLES;
        long start = System.nanoTime();
        DownloadException e = fails();
        assertThat(e.fault()).isEqualTo(Fault.SLOW);
        assertThat(e).hasMessageContaining("fewer than 1000 bytes a second, for 1.5 s; running again resumes at byte 1000")
            .hasMessageNotContaining("Exception");
        assertThat(System.nanoTime() - start).isLessThan(20_000_000_000L);
        assertThat(Files.size(part())).isGreaterThan(LoopbackHub.CUT);
        server.manner = Manner.PLAIN;
        pull();
        whole();
    }

    @Test void sizesThatNoDiskHasAreRefused() {
        for (String size : List.of("4611686018427387904", "9223372036854775807", "1e300", "99999999999999999999999", "\"5\"", "0.5",
            String.valueOf((1L << 50) + 1))) {
            server.listing = listed(size, 1);
            assertThat(catchThrowable(() -> pull())).as(size).isInstanceOf(FormatException.class).hasMessageContaining("the hub lists");
        }
        server.listing = listed(String.valueOf(1L << 50), 9000);   // whose sum cannot be counted
        assertThat(fails().fault()).isEqualTo(Fault.DISK);
        assertThat(fails()).hasMessageContaining("are free");
        assertThat(server.asked("store")).isEmpty();
    }

    private static String listed(String size, int n) {
        List<String> files = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            files.add("{\"type\": \"file\", \"size\": " + size + ", \"oid\": \"" + "a".repeat(40) + "\", \"path\": \"f" + i + "\"}");
        }
        return files.toString();
    }

    @Test void nobodyListeningIsACutConnection() {
        server.close();
        assertThat(fails().fault()).isEqualTo(Fault.CUT);
    }

    @Test void aFullDiskLeavesNothingHalfAndTheRestComesLater() throws Exception {
        FaultStorage storage = new FaultStorage(FaultStorage.Fault.NONE, 0);
        storage.room = 150_000;
        storage.tells = false;
        Throwable e = catchThrowable(() -> hub(storage, () -> false, SILENT).pull(NAME, List.of()));
        assertThat(e).isInstanceOf(DownloadException.class).hasMessageContaining("no space left");
        assertThat(((DownloadException) e).fault()).isEqualTo(Fault.DISK);
        nothingHalf();
        assertThat(snapshot().resolve(WEIGHTS)).doesNotExist();
        assertThat(model().resolve("refs/main")).doesNotExist();
        long have = Files.size(part());
        assertThat(have).isBetween(100_000L, 150_000L);
        server.forget();
        pull();
        whole();
        assertThat(server.asked("store")).extracting(Asked::range).containsExactly("bytes=" + have + "-");
    }

    @Test void aDiskThatIsKnownToBeTooSmallIsSaidBeforeAnythingComes() {
        FaultStorage storage = new FaultStorage(FaultStorage.Fault.NONE, 0);
        storage.room = 1000;
        assertThat(catchThrowableOfType(DownloadException.class, () -> hub(storage, () -> false, SILENT).pull(NAME, List.of())))
            .hasMessageContaining("300076 more bytes").hasMessageContaining("1000 are free");
        assertThat(server.asked("store")).isEmpty();
    }

    @Test void whicheverCallToTheDiskFailsNothingIsHalfAndTheNextPullIsWhole() throws Exception {
        FaultStorage count = new FaultStorage(FaultStorage.Fault.NONE, 0);
        List<String> two = List.of("README.md", WEIGHTS);
        hub(count, () -> false, SILENT).pull(NAME, two);
        assertThat(count.calls).isGreaterThan(30);
        for (FaultStorage.Fault fault : List.of(FaultStorage.Fault.ONE_ERROR, FaultStorage.Fault.DEAD_WITH_HALF_A_WRITE)) {
            for (int at = 1; at <= count.calls; at++) {
                remove(cache());
                FaultStorage storage = new FaultStorage(fault, at);
                Throwable e = catchThrowable(() -> hub(storage, () -> false, SILENT).pull(NAME, two));
                if (e != null) assertThat(e).isInstanceOf(DownloadException.class).hasMessageStartingWith("cannot write to ");
                if (fault != FaultStorage.Fault.ONE_ERROR) assertThat(e).isNotNull();
                nothingHalf();
                pull("README.md", WEIGHTS);
                assertThat(snapshot().resolve("README.md")).hasBinaryContent(server.files.get("README.md"));
                assertThat(snapshot().resolve(WEIGHTS)).hasBinaryContent(server.files.get(WEIGHTS));
            }
        }
    }

    private static void remove(Path root) throws IOException {
        if (!Files.exists(root)) return;
        List<Path> all;
        try (Stream<Path> walk = Files.walk(root)) { all = walk.sorted(java.util.Comparator.reverseOrder()).toList(); }
        for (Path p : all) Files.delete(p);
    }

    @Test void aNameThatLeavesTheFolderIsRefused() throws Exception {
        for (String name : List.of("../x", "a/../../x", "/etc/x", "a//b", "./x", "a/.", "..", "", "C:/x", "a\\\\..\\\\x", "a\\u0000b",
            "a\\nb", "x/".repeat(40) + "y", "n".repeat(300), "a/")) {
            server.listing = "[{\"type\": \"file\", \"path\": \"" + name + "\", \"size\": 0, \"oid\": \""
                + LoopbackHub.blob(new byte[0]) + "\"}]";
            assertThat(catchThrowable(() -> pull())).as(name).isInstanceOf(FormatException.class).hasMessageContaining("refused");
        }
        assertThat(cache()).doesNotExist();
    }

    @Test void aListingThatCannotBeMeantIsRefused() {
        String one = "{\"type\": \"file\", \"size\": 0, \"oid\": \"" + LoopbackHub.blob(new byte[0]) + "\", \"path\": ";
        for (String listing : List.of("[" + one + "\"a\"}, " + one + "\"a\"}]", "[" + one + "\"a\"}, " + one + "\"a/b\"}]", "{}", "[1",
            "nothing", "[" + one.replace("\"size\": 0", "\"size\": -5") + "\"a\"}]",
            "[" + one.replace("\"oid\": \"e6", "\"oid\": \"..") + "\"a\"}]",
            "[" + "{\"type\": \"directory\"},".repeat(100_001) + "1]")) {
            server.listing = listing;
            assertThat(catchThrowable(() -> pull())).isInstanceOf(FormatException.class);
        }
        server.listing = "[\"" + "x".repeat(17 << 20) + "\"]";
        assertThat(fails().fault()).isEqualTo(Fault.SIZE);
        assertThat(cache()).doesNotExist();
    }

    @Test void theNextPageOfAListingMustBeTheHubsOwn() {
        server.listing = "[]";
        for (String link : List.of("http://127.0.0.1:1/steal", "//elsewhere/x", "file:///etc", "not an address")) {
            server.nextPage = link;
            assertThat(catchThrowable(() -> pull())).isInstanceOf(FormatException.class).hasMessageContaining("not on the hub");
        }
        server.nextPage = server.endpoint() + "/api/models/org/name/tree/" + LoopbackHub.COMMIT + "?cursor=same";
        assertThat(catchThrowable(() -> pull())).isInstanceOf(FormatException.class).hasMessageContaining("1000 pages");
    }

    @Test void aFolderOfASnapshotThatIsALinkIsNotFollowed() throws Exception {
        Path outside = Files.createDirectory(dir.resolve("outside"));
        Files.createDirectories(snapshot());
        Files.createSymbolicLink(snapshot().resolve("unet"), outside);
        assertThat(fails()).hasMessageContaining("unet is in the way").extracting(DownloadException::fault).isEqualTo(Fault.DISK);
        assertThat(outside).isEmptyDirectory();
    }

    @Test void aFileOfASnapshotThatLinksElsewhereIsReplaced() throws Exception {
        Path secret = Files.write(dir.resolve("secret"), server.files.get("README.md"));
        Files.createDirectories(snapshot());
        Files.createSymbolicLink(snapshot().resolve("README.md"), secret);
        pull();
        whole();
        assertThat(Files.readSymbolicLink(snapshot().resolve("README.md"))).isEqualTo(Path.of("../../blobs/" + server.etag("README.md")));
    }

    @Test void whereNoLinksCanBeMadeTheFilesLieInTheSnapshot() throws Exception {
        FaultStorage storage = new FaultStorage(FaultStorage.Fault.NONE, 0);
        storage.links = false;
        Files.createDirectories(model().resolve("blobs"));
        Path blob = Files.write(model().resolve("blobs").resolve(server.etag("README.md")), server.files.get("README.md"));
        hub(storage, () -> false, SILENT).pull(NAME, List.of());
        whole();
        assertThat(snapshot().resolve(WEIGHTS)).isRegularFile().matches(p -> !Files.isSymbolicLink(p));
        assertThat(blob).exists();
        server.forget();
        assertThat(hub(storage, () -> false, SILENT).pull(NAME, List.of()).files()).noneMatch(Hub.Item::fetched);
        assertThat(server.asked()).hasSize(1);
    }

    @Test void offlineAsksNobodyAndNamesWhatIsMissing() throws Exception {
        Hub offline = new Hub(settings(true), SILENT, () -> false);
        assertThat(catchThrowableOfType(DownloadException.class, () -> offline.pull(NAME, List.of())).fault()).isEqualTo(Fault.OFFLINE);
        pull("*.json");
        server.forget();
        assertThat(offline.pull(NAME, List.of("*.json")).folder()).isEqualTo(snapshot());
        assertThat(catchThrowableOfType(DownloadException.class, () -> offline.pull(NAME, List.of()))).hasMessageContaining(WEIGHTS);
        Files.delete(model().resolve("trees").resolve(LoopbackHub.COMMIT + ".json"));
        assertThat(offline.pull(NAME, List.of()).files()).extracting(Hub.Item::path).containsExactly("config.json", "unet/config.json");
        assertThat(server.asked()).isEmpty();
    }

    /** As the published layout has it, without what newer versions add. */
    private void cacheOfAnother() throws IOException {
        for (Map.Entry<String, byte[]> e : server.files.entrySet()) {
            Path blob = model().resolve("blobs").resolve(server.etag(e.getKey())), link = snapshot().resolve(e.getKey());
            Files.createDirectories(blob.getParent());
            Files.createDirectories(link.getParent());
            Files.write(blob, e.getValue());
            Files.createSymbolicLink(link, link.getParent().relativize(blob));
        }
        Files.createDirectories(model().resolve("refs"));
        Files.writeString(model().resolve("refs/main"), LoopbackHub.COMMIT);
    }

    @Test void aCacheThatAnotherProgramFilledIsUsedAsItIs() throws Exception {
        cacheOfAnother();
        assertThat(Hub.resolve("org/name", settings(false))).isEqualTo(snapshot());
        assertThat(pull().files()).noneMatch(Hub.Item::fetched);
        assertThat(server.asked()).noneMatch(a -> a.path().contains("/resolve/"));
        assertThat(new Hub(settings(true), SILENT, () -> false).pull(NAME, List.of()).files()).hasSize(server.files.size());
    }

    @Test void whatIsStoppedLeavesItsPartForTheNextRun() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        server.manner = Manner.STALLS;
        assertThat(catchThrowable(() -> hub(Storage.DISK, stop::get, (file, bytes, total) -> {
            if (file.equals(WEIGHTS)) stop.set(true);
        }).pull(NAME, List.of()))).isInstanceOf(CancellationException.class);
        assertThat(Files.size(part())).isPositive();
        nothingHalf();
        server.manner = Manner.PLAIN;
        pull();
        whole();
    }

    @Test void twoPullsAtOnceFetchEachFileOnce() throws Exception {
        CompletableFuture<Hub.Pulled> other = CompletableFuture.supplyAsync(this::pull);
        pull();
        other.join();
        whole();
        assertThat(server.asked("store")).hasSize(1);
    }

    @Test void aPullNeedsNoThreadOfThePoolThatAllShare() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        for (int i = 0; i < ForkJoinPool.getCommonPoolParallelism(); i++) {
            ForkJoinPool.commonPool().execute(() -> catchThrowable(() -> over.await()));
        }
        try {
            assertTimeoutPreemptively(Duration.ofSeconds(30), () -> pull());
        } finally {
            over.countDown();
        }
        whole();
    }

    @Test void aModelIsFoundAsFolderAsFileOrByItsName() throws Exception {
        Path file = Files.writeString(dir.resolve("a.safetensors"), "x", StandardCharsets.UTF_8);
        assertThat(Hub.resolve(file.toString(), settings(false))).isEqualTo(file);
        assertThat(Hub.resolve(dir.toString(), settings(false))).isEqualTo(dir);
        pull();
        assertThat(Hub.resolve("org/name", settings(false))).isEqualTo(snapshot());
        assertThat(Hub.resolve("org/name@" + LoopbackHub.COMMIT, settings(false))).isEqualTo(snapshot());
        assertThat(catchThrowableOfType(IllegalArgumentException.class, () -> Hub.resolve("org/nane@v1", settings(false))))
            .hasMessageContainingAll(Path.of("org/nane@v1").toAbsolutePath().toString(), "models--org--nane", "palitra pull org/nane@v1");
        for (String wrong : List.of("", "nothing", "a/b/c", "../x", "a/b@../c", "a/b@", "a--b/c", "a/\u0000", "a/-b")) {
            assertThat(catchThrowable(() -> Hub.resolve(wrong, settings(false)))).as(wrong).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("no model '");
        }
    }

    @Test void aReferenceThatIsNoCommitIsNotFollowed() throws Exception {
        Files.createDirectories(model().resolve("refs"));
        Files.writeString(model().resolve("refs/main"), "../../../..");
        assertThat(catchThrowable(() -> Hub.resolve("org/name", settings(false)))).isInstanceOf(FormatException.class);
    }
}
