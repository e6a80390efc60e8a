package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.CpuTime;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
    private static final DataOptions STRICT = new DataOptions("", 0, 0, true);

    @TempDir private Path dir;

    private static ImageFolder open(Path path, Split split, DataOptions options) {
        return ImageFolder.open(path, "x", split, options, Limits.DEFAULT);
    }

    private Path folder(Map<String, byte[]> files) {
        files.forEach((name, bytes) -> {
            try {
                Files.createDirectories(dir.resolve(name).getParent());
                Files.write(dir.resolve(name), bytes);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        return dir;
    }

    private Path zip(String name, Map<String, byte[]> files) throws IOException { return Files.write(dir.resolve(name), Seeds.zip(files)); }

    @Test void foldersAreClassesInTheOrderOfTheirNamesAndTakeTurns() {
        Map<String, byte[]> files = Seeds.classes();
        files.put("a/readme.txt", new byte[] {1});
        files.put(".thumbs/0.png", new byte[] {1});
        ImageFolder set = open(folder(files), Split.TRAIN, STRICT);
        assertThat(set.classNames()).containsExactly("a", "b");
        assertThat(set.spec()).isEqualTo(new ImageSpec(3, 4, 5, 2));
        assertThat(new int[] {set.label(0), set.label(1), set.label(2), set.label(3)}).containsExactly(0, 1, 0, 1);
        byte[] out = new byte[61];
        set.pixels(3, out, 1);
        assertThat(Arrays.copyOfRange(out, 1, 61)).isEqualTo(Seeds.picture(3, 4, 5).pixels());
    }

    @Test void allOfAFolderIsReadByItsFilesNames() {
        Map<String, byte[]> files = Seeds.classes();
        Path folder = folder(files);
        DataOptions options = new DataOptions("", 4, 1, false);
        Whole whole = Whole.open(folder.toString(), options, null);
        assertThat(whole.items().size()).isEqualTo(files.size());
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < files.size(); i++) {
            String file = whole.items().source(i);
            seen.add(file);
            assertThat(whole.items().classNames().get(whole.items().label(i))).isEqualTo(file.substring(0, 1));
        }
        assertThat(seen).isEqualTo(files.keySet());
        ImageFolder train = open(folder, Split.TRAIN, options);
        assertThat(java.util.stream.IntStream.range(0, files.size()).filter(whole.trains()::test)).hasSize(train.size());
        files.put("alone.png", files.values().iterator().next());
        Dataset mixed = Whole.open(folder(files).toString(), options, null).items();
        assertThat(mixed.size()).isEqualTo(files.size());
        assertThat(mixed.classNames()).isEmpty();
        assertThat(mixed.notes()).containsExactly("some pictures of '" + dir.getFileName() + "' are in folders and some are not: their "
            + "classes are not read");
        Dataset one = Whole.open(dir.resolve("alone.png").toString(), options, null).items();
        assertThat(one.size()).isEqualTo(1);
        assertThat(one.source(0)).isEqualTo("alone.png");
    }

    @Test void ofAWholeFolderWithPartsEachKeepsItsClassAndItsPart() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        Seeds.classes().forEach((name, bytes) -> {
            files.put("test/" + name, bytes);
            files.put("train/" + name, bytes);
        });
        Whole whole = Whole.open(folder(files).toString(), new DataOptions("", 4, 1, false), null);
        assertThat(whole.items().classNames()).containsExactly("a", "b");
        assertThat(whole.items().size()).isEqualTo(files.size());
        for (int i = 0; i < files.size(); i++) {
            assertThat(whole.trains().test(i)).isEqualTo(whole.items().source(i).startsWith("train/"));
            assertThat(whole.items().source(i)).contains("/" + whole.items().classNames().get(whole.items().label(i)) + "/");
        }
        Whole drawn = Whole.open("strokes", DataOptions.DEFAULT, null);
        assertThat(drawn.items().size()).isEqualTo(10_000);
        assertThat(drawn.items().source(7)).isEqualTo("7");
        assertThat(drawn.trains().test(7)).isFalse();
    }

    @Test void aZipReadsAsItsFolderDoes() throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        Seeds.classes().forEach((name, bytes) -> files.put("pets/" + name, bytes));
        ImageFolder set = open(zip("pets.zip", files), Split.TRAIN, STRICT);
        assertThat(set.classNames()).containsExactly("a", "b");
        assertThat(set.size()).isEqualTo(4);
        assertThat(dir.toFile().list()).containsExactly("pets.zip");
    }

    @Test void picturesSideBySideHaveNoLabels() {
        ImageFolder set = open(folder(Map.of("0.png", Seeds.png(1, 4, 4), "1.jpg", Seeds.jpeg(9, 9))), Split.TRAIN, STRICT);
        assertThat(set.spec()).isEqualTo(new ImageSpec(3, 4, 4, 0));
        assertThat(set.label(1)).isEqualTo(-1);
    }

    @Test void picturesBothInFoldersAndBesideThemAreRefused() {
        Map<String, byte[]> files = Seeds.classes();
        files.put("cover.png", Seeds.png(3, 4, 4));
        assertThatThrownBy(() -> open(folder(files), Split.TRAIN, STRICT))
            .isInstanceOf(FormatException.class).hasMessageContaining("some are not");
    }

    @Test void trainAndTestFoldersAreTheParts() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        Seeds.classes().forEach((name, bytes) -> files.put("train/" + name, bytes));
        files.put("test/b/7.png", Seeds.png(3, 6, 6));
        Path path = folder(files);
        assertThat(open(path, Split.TRAIN, STRICT).size()).isEqualTo(4);
        ImageFolder test = open(path, Split.TEST, STRICT);
        assertThat(test.size()).isEqualTo(1);
        // numbers and sizes are those of the training part, though a has no picture here
        assertThat(test.label(0)).isEqualTo(1);
        assertThat(test.spec()).isEqualTo(new ImageSpec(3, 4, 5, 2));
    }

    @Test void picturesInNeitherPartAreNamed() {
        ImageFolder set = open(folder(Map.of("train/0.png", Seeds.png(1, 4, 4), "test/1.png", Seeds.png(1, 4, 4), "val/2.png",
            Seeds.png(1, 4, 4), "val/3.png", Seeds.png(1, 4, 4))), Split.TRAIN, STRICT);
        assertThat(set.notes())
            .containsExactly("2 pictures of 'x' in neither the training part nor the test part, not used: val/2.png, ...");
    }

    @Test void oneGreyPictureDoesNotMakeASetGrey() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int i = 0; i < 5; i++) files.put(i + ".png", Seeds.png(i == 0 ? 1 : 3, 4, 5));
        ImageFolder set = open(folder(files), Split.TRAIN, STRICT);
        assertThat(set.spec()).isEqualTo(new ImageSpec(3, 4, 5, 0));
        byte[] out = new byte[60];
        set.pixels(1, out, 0);
        assertThat(out).isEqualTo(Seeds.picture(3, 4, 5).pixels());
        assertThat(set.notes()).containsExactly("of 5 pictures of 'x' looked at 1 is grey, the others in colour: all are taken in colour; "
            + "--set data.channels=1 makes all grey");
        ImageFolder grey = open(dir, Split.TRAIN, new DataOptions("", 0, 1, true));
        assertThat(grey.spec().channels()).isEqualTo(1);
        assertThat(grey.notes()).isEmpty();
    }

    @Test void aSampleDecidesAndWhatItMissedIsCounted() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        byte[] grey = Seeds.png(1, 4, 5), colour = Seeds.png(3, 4, 5);
        // of 200 in the training part every third is looked at
        for (int i = 0; i < 200; i++) files.put(String.format("train/%03d.png", i), i == 1 || i == 2 ? colour : grey);
        files.put("test/0.png", colour);
        ImageFolder set = open(folder(files), Split.TRAIN, STRICT);
        assertThat(set.spec().channels()).isEqualTo(1);
        assertThat(set.notes()).containsExactly("2 of 200 pictures of 'x' lose their colours: the 64 that decided are grey; "
            + "--set data.channels=3 keeps them");
        folder(Map.of("train/100.png", colour));
        assertThat(open(dir, Split.TRAIN, STRICT).spec().channels()).isEqualTo(3);
        assertThat(open(dir, Split.TEST, STRICT).spec().channels()).isEqualTo(3);
    }

    @Test void sizesThatDifferAreTold() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int i = 0; i < 9; i++) files.put(i + ".png", i == 0 ? Seeds.png(3, 9, 2) : i < 3 ? Seeds.png(3, 8, i) : Seeds.png(3, 4, 5));
        ImageFolder set = open(folder(files), Split.TRAIN, STRICT);
        assertThat(set.spec()).isEqualTo(new ImageSpec(3, 9, 2, 0));
        assertThat(set.notes()).hasSize(1).first().asString()
            .startsWith("sizes of 9 pictures of 'x' looked at: 5x4 (6), ").contains("2x9 (1)", "1x8 (1)", "2x8 (1)")
            .endsWith("; all are fitted to 2x9, the size of the first; --set data.size=N changes it");
        assertThat(open(dir, Split.TRAIN, new DataOptions("", 6, 0, true)).notes()).isEmpty();
    }

    @Test void aCutJpegIsSkippedAndAMissingEndIsForgivenAndTold() {
        byte[] jpeg = Seeds.jpeg(40, 40);
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int i = 0; i < 14; i++) files.put(String.format("%02d.jpg", i), i < 12 ? Arrays.copyOf(jpeg, jpeg.length - 2) : jpeg);
        files.put("cut.jpg", Arrays.copyOf(jpeg, jpeg.length * 3 / 4));
        Path path = folder(files);
        DataOptions all = new DataOptions("", 8, 3, false);
        ImageFolder set = ImageFolder.unlabelled(path, "x", Split.TRAIN, false, all, Limits.DEFAULT);
        assertThat(set.size()).isEqualTo(14);
        assertThat(set.skipped()).hasSize(1).first().asString().contains("cut.jpg at byte ", "damaged JPEG picture: ends before its");
        assertThat(set.notes()).hasSize(12);
        assertThat(set.notes().get(9)).contains("09.jpg: the marker of the end is missing, the pixels are all there");
        assertThat(set.notes().get(10)).isEqualTo("2 more pictures of 'x' the same");
        assertThatThrownBy(() -> open(path, Split.TRAIN, STRICT)).isInstanceOf(FormatException.class).hasMessageContaining("cut.jpg");
    }

    @Test void ofManyBrokenPicturesTenAreNamedAndTheOthersCounted() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int i = 0; i < 300; i++) files.put("train/" + i + ".png", i == 0 ? Seeds.png(3, 4, 5) : new byte[3]);
        files.put("test/0.png", Seeds.png(3, 4, 5));
        ImageFolder set = open(folder(files), Split.TRAIN, DataOptions.DEFAULT);
        assertThat(set.notes()).hasSize(11);
        assertThat(set.notes().get(0)).startsWith("skipped ").contains("1.png");
        assertThat(set.notes().get(10)).isEqualTo("289 more pictures of 'x' that cannot be read, skipped");
    }

    @Test void namesInTheCodePageOfDosAreRead() throws IOException {
        for (String page : new String[] {"IBM866", "IBM437", "UTF-8"}) {
            boolean german = page.equals("IBM437");
            String cats = german ? "B\u00e4r" : "\u043a\u043e\u0448\u043a\u0438";
            String dogs = german ? "L\u00f6we" : "\u0441\u043e\u0431\u0430\u043a\u0438";
            Map<String, byte[]> files = new LinkedHashMap<>();
            for (int i = 0; i < 3; i++) {
                files.put(cats + "/IMG_" + i + ".png", Seeds.png(3, 4, 5));
                files.put(dogs + "/\u0444\u043e\u0442\u043e ".substring(0, german ? 1 : 6) + i + ".png", Seeds.png(1, 4, 5));
            }
            Path zip = Files.write(dir.resolve(page + ".zip"), Seeds.zip(files, java.nio.charset.Charset.forName(page)));
            ImageFolder set = open(zip, Split.TRAIN, new DataOptions("", 4, 3, true));
            assertThat(set.classNames()).as(page).containsExactly(cats, dogs);
            assertThat(set.size()).isEqualTo(6);
            if (page.equals("UTF-8")) assertThat(set.notes()).isEmpty();
            else assertThat(set.notes()).hasSize(1).first().asString().contains(page + ".zip: its names have no code page and are "
                + "read as " + page.replace("IBM", "CP") + ", as '" + cats + "/IMG_0.png'");
        }
        assertThatThrownBy(() -> open(Files.write(dir.resolve("no.zip"), new byte[100]), Split.TRAIN, STRICT))
            .isInstanceOf(FormatException.class).hasMessageContaining("not a sound zip");
    }

    @Test void aNameThatAZipSaysInUnicodeBesideIsBelieved() throws IOException {
        java.nio.charset.Charset page = java.nio.charset.Charset.forName("IBM866");
        java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
        try (java.util.zip.ZipOutputStream zip = new java.util.zip.ZipOutputStream(out, page)) {
            for (String name : new String[] {"\u043a\u043e\u0442/a.png", "\u0451\u0436/b.png"}) {
                byte[] said = name.replace("a.png", "\u03c0.png").getBytes(java.nio.charset.StandardCharsets.UTF_8);
                java.util.zip.CRC32 crc = new java.util.zip.CRC32();
                crc.update(name.getBytes(page));
                java.util.zip.ZipEntry entry = new java.util.zip.ZipEntry(name);
                ByteBuffer extra = ByteBuffer.allocate(9 + said.length).order(ByteOrder.LITTLE_ENDIAN).putShort((short) 0x7075)
                    .putShort((short) (5 + said.length)).put((byte) 1)
                    .putInt((int) crc.getValue() + (name.endsWith("b.png") ? 1 : 0)).put(said);
                entry.setExtra(extra.array());
                zip.putNextEntry(entry);
                zip.write(Seeds.png(3, 4, 5));
            }
        }
        ImageFolder set = open(Files.write(dir.resolve("x.zip"), out.toByteArray()), Split.TRAIN, STRICT);
        assertThat(Set.of(set.file(0), set.file(1))).containsExactlyInAnyOrder("\u043a\u043e\u0442/\u03c0.png", "\u0451\u0436/b.png");
    }

    @Test void validationStandsInWhereThereIsNoTest() {
        Path path = folder(Map.of("train/0.png", Seeds.png(1, 4, 4), "val/1.png", Seeds.png(1, 4, 4)));
        assertThat(open(path, Split.TEST, STRICT).size()).isEqualTo(1);
    }

    @Test void twoZipsAreTheParts() throws IOException {
        zip("train.zip", Seeds.classes());
        zip("test.zip", Map.of("b/0.png", Seeds.png(3, 4, 5), "c/0.png", Seeds.png(3, 4, 5)));
        assertThat(open(dir, Split.TRAIN, STRICT).classNames()).containsExactly("a", "b", "c");
        assertThat(open(dir, Split.TEST, STRICT).label(1)).isEqualTo(2);
    }

    @Test void aTenthByNameIsTheTestPartAndTheTwoAreDisjoint() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int i = 0; i < 200; i++) {
            BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY);
            image.getRaster().setSample(0, 0, 0, i);
            files.put("img" + i + ".png", Seeds.encoded(image, "png"));
        }
        Path path = folder(files);
        Set<Integer> seen = new HashSet<>();
        int sum = 0;
        for (Split split : Split.values()) {
            ImageFolder part = open(path, split, STRICT);
            sum += part.size();
            byte[] out = new byte[2];
            for (int i = 0; i < part.size(); i++) {
                part.pixels(i, out, 0);
                seen.add((int) out[0]);
            }
            if (split == Split.TEST) assertThat(part.size()).isBetween(8, 32);
        }
        assertThat(sum).isEqualTo(200);
        assertThat(seen).hasSize(200);
    }

    @Test void aBrokenPictureIsSkippedNamedAndCounted() {
        Map<String, byte[]> files = Seeds.classes();
        byte[] broken = files.get("a/1.png");
        files.put("a/1.png", Arrays.copyOf(broken, broken.length / 2));
        Path path = folder(files);
        ImageFolder set = open(path, Split.TRAIN, DataOptions.DEFAULT);
        assertThat(set.size()).isEqualTo(3);
        assertThat(set.skipped()).hasSize(1).first().asString().contains("a/1.png").contains("damaged PNG");
        assertThat(new int[] {set.label(0), set.label(1), set.label(2)}).containsExactly(0, 1, 1);
        byte[] out = new byte[60];
        set.pixels(2, out, 0);
        assertThat(out).isEqualTo(Seeds.picture(3, 4, 5).pixels());
        assertThatThrownBy(() -> open(path, Split.TRAIN, STRICT)).isInstanceOf(FormatException.class).hasMessageContaining("a/1.png");
    }

    @Test void nothingButBrokenPicturesIsAnError() {
        assertThatThrownBy(() -> open(folder(Map.of("0.png", new byte[5])), Split.TRAIN, DataOptions.DEFAULT))
            .isInstanceOf(FormatException.class).hasMessageContaining("none of its");
    }

    @Test void sizeAndChannelsOfTheOptionsHold() {
        ImageFolder set = open(folder(Seeds.classes()), Split.TRAIN, new DataOptions("", 7, 1, true));
        assertThat(set.spec()).isEqualTo(new ImageSpec(1, 7, 7, 2));
        byte[] out = new byte[49];
        set.pixels(0, out, 0);
        assertThat(out).isEqualTo(Pictures.fit(Pictures.grey(Seeds.picture(3, 4, 5)), 7, 7).pixels());
    }

    @Test void tenPicturesAndMoreAlwaysHaveATestPart() {
        byte[] png = Seeds.encoded(new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_GRAY), "png");
        for (int k = 0; k < 20; k++) {   // by chance alone one set in four of this size would have none
            for (int i = 0; i < 12; i++) folder(Map.of(k + "/" + k + " " + i + ".png", png));
            int test = open(dir.resolve("" + k), Split.TEST, STRICT).size(), train = open(dir.resolve("" + k), Split.TRAIN, STRICT).size();
            assertThat(test).as("set " + k).isPositive();
            assertThat(test + train).isEqualTo(12);
        }
    }

    @Test void aSmallFolderHasNoTestPart() {
        assertThatThrownBy(() -> open(folder(Seeds.classes()), Split.TEST, STRICT)).isInstanceOf(FormatException.class)
            .hasMessageContaining("no pictures in its test part, 4 in the other");
    }

    @Test void whatDoesNotFitInMemoryIsDecodedWhenAskedFor() throws IOException {
        // 2048x2048 in colour are 12 MiB each: more than a quarter of the heap together
        int n = (int) (Math.min(1L << 30, Runtime.getRuntime().maxMemory() / 4) / (3L * 2048 * 2048)) + 1;
        Map<String, byte[]> files = new LinkedHashMap<>();
        byte[] png = Seeds.png(3, 4, 5);
        for (int i = 0; i < 2 * n; i++) files.put(String.format("%04d.png", i), i == 2 ? new byte[9] : png);
        ImageFolder set = open(zip("x.zip", files), Split.TRAIN, new DataOptions("", 2048, 3, false));
        assertThat(set.size()).isGreaterThanOrEqualTo(n);
        byte[] out = new byte[3 * 2048 * 2048];
        set.pixels(0, out, 0);
        assertThat(out).isEqualTo(Pictures.fit(Seeds.picture(3, 4, 5), 2048, 2048).pixels());
        assertThatThrownBy(() -> {
            for (int i = 0; i < 4; i++) set.pixels(i, out, 0);
        }).isInstanceOf(FormatException.class).hasMessageContaining("0002.png");
    }

    @Test void aZipThatLiesOfItsSizesIsRefusedAtOnce() throws IOException {
        byte[] zip = Seeds.zip(Map.of("a.png", Seeds.png(3, 4, 5), "b.png", Seeds.png(3, 4, 5)));
        ByteBuffer b = ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN);
        int central = b.getInt(zip.length - 22 + 16);
        for (int claimed : new int[] {0x7fffffff, 60_000_000, 100_000, 1}) {
            b.putInt(central + 24, claimed);
            Path path = Files.write(dir.resolve("lies.zip"), zip);
            long start = CpuTime.nanos();
            assertThatThrownBy(() -> open(path, Split.TRAIN, STRICT)).as("claimed " + claimed).isInstanceOf(FormatException.class);
            assertThat(CpuTime.nanos() - start).isLessThan(1_000_000_000L);
        }
    }

    @Test void aZipThatClaimsAMillionEntriesIsRefusedAtOnce() throws IOException {
        // the zip64 end records, with a million entries in no bytes
        ByteBuffer b = ByteBuffer.allocate(56 + 20 + 22).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0x06064b50).putLong(44).putShort((short) 45).putShort((short) 45).putInt(0).putInt(0).putLong(1_000_000).putLong(1_000_000)
            .putLong(0).putLong(0);
        b.putInt(0x07064b50).putInt(0).putLong(0).putInt(1);
        b.putInt(0x06054b50).putShort((short) 0).putShort((short) 0).putShort((short) -1).putShort((short) -1).putInt(-1).putInt(-1)
            .putShort((short) 0);
        Path path = Files.write(dir.resolve("million.zip"), b.array());
        long start = CpuTime.nanos();
        assertThatThrownBy(() -> open(path, Split.TRAIN, STRICT)).isInstanceOf(FormatException.class);
        assertThat(CpuTime.nanos() - start).isLessThan(1_000_000_000L);
    }

    @Test void moreEntriesThanAllowedAreRefused() throws IOException {
        Limits few = new Limits(1 << 20, 1000, 1000, 1 << 20, 1 << 20, 3, 32, 1000);
        Path zipped = zip("x.zip", Seeds.classes());
        assertThatThrownBy(() -> ImageFolder.open(zipped, "x", Split.TRAIN, STRICT, few))
            .isInstanceOf(FormatException.class).hasMessageContaining("more than 3 files");
        Path plain = folder(Seeds.classes());
        assertThatThrownBy(() -> ImageFolder.open(plain, "x", Split.TRAIN, STRICT, few))
            .isInstanceOf(FormatException.class).hasMessageContaining("more than 3 files");
    }

    @Test void aNameThatLeadsOutOfTheZipIsOnlyAName() throws IOException {
        Path path = zip("x.zip", Map.of("/etc/0.png", Seeds.png(1, 4, 4), "/etc/1.png", Seeds.png(1, 4, 4), "../../2.png", new byte[1]));
        ImageFolder set = open(path, Split.TRAIN, STRICT);
        assertThat(set.size()).isEqualTo(2);
        assertThat(dir.toFile().list()).containsExactly("x.zip");
    }

    @Test void alteredBytesInAZipAreSeenByTheirChecksum() throws IOException {
        Map<String, byte[]> files = Seeds.classes();
        byte[] zip = Seeds.zip(files);
        ByteBuffer b = ByteBuffer.wrap(zip).order(ByteOrder.LITTLE_ENDIAN);
        int central = b.getInt(zip.length - 22 + 16);
        b.putInt(central + 16, b.getInt(central + 16) ^ 1);
        ImageFolder set = open(Files.write(dir.resolve("x.zip"), zip), Split.TRAIN, DataOptions.DEFAULT);
        assertThat(set.size()).isEqualTo(3);
        assertThat(set.skipped()).hasSize(1).first().asString().contains("checksum");
    }

    @Test void linksInACircleAreNotFollowedForever() throws IOException {
        Path path = folder(Seeds.classes());
        Files.createSymbolicLink(path.resolve("a/again"), path);
        assertThat(open(path, Split.TRAIN, STRICT).size()).isEqualTo(4);
    }
}
