package io.palitra.server;

import io.palitra.data.Picture;
import io.palitra.report.Png;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Iterator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;

/**
 * The size and format that a picture is asked for in.
 *
 * @param format png, jpeg or webp
 * @param quality 0 to 100, of what loses any
 */
record OpenAiLook(OpenAiAsked.Size size, String format, int quality) {
    private static final Pattern TEXT = Pattern.compile("([0-9x]{3,9}|auto)-(png|jpeg|webp)-(\\d{1,2}|100)");

    OpenAiLook {
        if (!format.equals("png") && !writers(format).hasNext()) {
            throw new Refused(422, "bad_request", "output_format", "this server writes no " + format + "; png and jpeg are written");
        }
    }

    /** @param wanted as it is written, of the size asked for */
    record Made(Picture wanted, byte[] bytes) {}

    /** Of a text as {@link #toString} writes it. @throws Refused for any other */
    static OpenAiLook of(String text) {
        Matcher m = TEXT.matcher(text);
        if (!m.matches()) throw new Refused(404, "not_found", "", "there is no such page");
        return new OpenAiLook(OpenAiAsked.size(m.group(1)), m.group(2), Integer.parseInt(m.group(3)));
    }

    @Override public String toString() {
        return (size.auto() ? "auto" : size.width() + "x" + size.height()) + "-" + format + "-" + quality;
    }

    /** What a job wrote, itself if it looks so, and else made anew; the text of a PNG stays in a PNG. */
    Made of(byte[] png) {
        Picture there = OpenAiPictures.read(png, ""), wanted = size.auto() ? there : OpenAiPictures.sized(there, size.width(),
            size.height());
        if (!format.equals("png")) return new Made(wanted, encoded(wanted));
        return new Made(wanted, wanted == there ? png : Png.encode(wanted, Png.text(png)));
    }

    private byte[] encoded(Picture picture) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageWriter writer = writers(format).next();
        try (ImageOutputStream out = ImageIO.createImageOutputStream(bytes)) {
            ImageWriteParam how = writer.getDefaultWriteParam();
            how.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            if (how.getCompressionType() == null) how.setCompressionType(how.getCompressionTypes()[0]);
            how.setCompressionQuality(quality / 100f);
            writer.setOutput(out);
            writer.write(null, new IIOImage(OpenAiPictures.image(picture), null, null), how);
        } catch (IOException e) {
            throw new IllegalStateException("a picture in memory cannot be written", e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    private static Iterator<ImageWriter> writers(String format) { return ImageIO.getImageWritersByFormatName(format); }
}
