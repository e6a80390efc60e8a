package io.palitra.data;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** The pictures of a folder, of the folders in it, or of a .zip, each read when it is asked for. */
public final class PictureFiles implements AutoCloseable {
    private final Archive archive;
    private final Limits limits;
    private final List<String> names;

    private PictureFiles(Archive archive, Limits limits) {
        this.archive = archive;
        this.limits = limits;
        names = ImageFolder.pictures(archive);
    }

    /** @throws FormatException when there is no such folder or .zip, or it holds no file that is called as pictures are */
    public static PictureFiles open(Path path, Limits limits) {
        PictureFiles files = new PictureFiles(Archive.open(path, limits), limits);
        if (!files.names.isEmpty()) return files;
        files.close();
        throw new FormatException(path.toString(), -1, "no files of pictures");
    }

    /** With '/' between folders, in the order of their characters. */
    public List<String> names() { return names; }

    /** @throws FormatException for a file that is no picture, or a broken one */
    public Picture read(String name) { return read(name, note -> { }); }

    /** As {@link #read(String)}. @param notes receives a line about damage that was accepted, see {@link Pictures} */
    public Picture read(String name, Consumer<String> notes) {
        return Pictures.read(archive.read(name), archive.describe(name), limits, notes);
    }

    /** What of the folder or .zip is read otherwise than one may think, a line each. */
    public List<String> notes() { return archive.notes(); }

    @Override public void close() { archive.close(); }
}
