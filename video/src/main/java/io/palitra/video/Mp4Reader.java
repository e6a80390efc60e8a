package io.palitra.video;

import io.palitra.data.FilmReader;
import io.palitra.data.FormatException;
import io.palitra.data.Limits;
import io.palitra.data.Picture;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVInputFormat;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.ffmpeg.global.swscale;
import org.bytedeco.ffmpeg.swscale.SwsContext;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.PointerScope;

/** Frames of MP4, whatever its video is coded by that this FFmpeg decodes. Sound is not read, and nothing that the file refers to. */
public final class Mp4Reader implements FilmReader {
    /** Pixels of all frames together. */
    private static final long MOST = 1L << 28;

    @Override public String extension() { return ".mp4"; }

    @Override public List<Picture> read(byte[] bytes, String name, Limits limits) {
        if (bytes.length > limits.pictureBytes()) {
            throw new FormatException(name, -1, bytes.length + " bytes; a film has at most " + limits.pictureBytes());
        }
        try {
            Path copy = Files.createTempFile("palitra", extension());
            try {
                Files.write(copy, bytes);
                try (PointerScope scope = new PointerScope(); Reading reading = new Reading(name, limits)) {
                    return reading.frames(copy, bytes.length);
                }
            } finally {
                Files.deleteIfExists(copy);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot keep a copy of " + name + ": " + e.getMessage(), e);
        }
    }

    /** One file on its way. */
    private static final class Reading implements AutoCloseable {
        private final String name;
        private final Limits limits;
        private final AVFormatContext format = new AVFormatContext(null);
        private final AVFrame decoded = avutil.av_frame_alloc();
        private final AVFrame rgb = avutil.av_frame_alloc();
        private final AVPacket packet = avcodec.av_packet_alloc();
        private final List<Picture> frames = new ArrayList<>();
        private AVCodecContext codec = new AVCodecContext(null);
        private SwsContext scale = new SwsContext(null);
        private long until;

        Reading(String name, Limits limits) {
            this.name = name;
            this.limits = limits;
            avutil.av_log_set_level(avutil.AV_LOG_FATAL);   // what matters is thrown
        }

        List<Picture> frames(Path file, int bytes) {
            until = System.nanoTime() + limits.millis() * 1_000_000;
            AVInputFormat mp4 = avformat.av_find_input_format("mov");   // no other, or a list of places would be followed
            AVDictionary none = new AVDictionary(null);
            check(avformat.avformat_open_input(format, file.toString(), mp4, none), "no MP4 film");
            check(avformat.avformat_find_stream_info(format, none), "damaged MP4");
            int stream = avformat.av_find_best_stream(format, avutil.AVMEDIA_TYPE_VIDEO, -1, -1, new AVCodec(null), 0);
            check(stream, "an MP4 without pictures");
            AVCodec decoder = avcodec.avcodec_find_decoder(format.streams(stream).codecpar().codec_id());
            if (decoder == null || decoder.isNull()) throw new FormatException(name, -1, "its video is coded by what is not read here");
            codec = avcodec.avcodec_alloc_context3(decoder);
            check(avcodec.avcodec_parameters_to_context(codec, format.streams(stream).codecpar()), "damaged MP4");
            if (codec.width() < 1 || codec.height() < 1) throw new FormatException(name, -1, "an MP4 of pictures without a size");
            limits.check(name, codec.width(), codec.height(), bytes);
            codec.thread_count(1);
            check(avcodec.avcodec_open2(codec, decoder, none), "an MP4 that cannot be decoded");
            while (avformat.av_read_frame(format, packet) >= 0) {
                if (packet.stream_index() == stream) decoded(packet, bytes);
                avcodec.av_packet_unref(packet);
            }
            decoded(null, bytes);
            if (frames.isEmpty()) throw new FormatException(name, -1, "an MP4 of no frames");
            return List.copyOf(frames);
        }

        /** @param next null after the last one */
        private void decoded(@org.jspecify.annotations.Nullable AVPacket next, int bytes) {
            check(avcodec.avcodec_send_packet(codec, next), "damaged MP4");
            while (true) {
                int code = avcodec.avcodec_receive_frame(codec, decoded);
                if (code == avutil.AVERROR_EAGAIN() || code == avutil.AVERROR_EOF()) return;
                check(code, "damaged MP4");
                if (Thread.currentThread().isInterrupted()) throw new CancellationException(name + ": reading was interrupted");
                if (System.nanoTime() > until) throw new FormatException(name, -1, "decoding took longer than " + limits.millis() + " ms");
                limits.check(name, decoded.width(), decoded.height(), bytes);
                if ((frames.size() + 1L) * decoded.width() * decoded.height() > MOST) {
                    throw new FormatException(name, -1, "more than " + MOST + " pixels in all its frames");
                }
                try (PointerScope scope = new PointerScope()) { frames.add(picture()); }
            }
        }

        private Picture picture() {
            int w = decoded.width(), h = decoded.height();
            if (rgb.width() != w || rgb.height() != h) {
                avutil.av_frame_unref(rgb);
                rgb.width(w).height(h).format(avutil.AV_PIX_FMT_RGB24);
                check(avutil.av_frame_get_buffer(rgb, 1), "no room for a frame");
            }
            scale = swscale.sws_getCachedContext(scale, w, h, decoded.format(), w, h, avutil.AV_PIX_FMT_RGB24,
                swscale.SWS_BICUBIC | swscale.SWS_ACCURATE_RND, null, null, (DoublePointer) null);
            if (scale == null || scale.isNull()) throw new FormatException(name, -1, "an MP4 of colours that are not read");
            scale.retainReference();
            int matrix = decoded.colorspace() == avutil.AVCOL_SPC_BT709 ? swscale.SWS_CS_ITU709 : swscale.SWS_CS_ITU601;
            int full = decoded.color_range() == avutil.AVCOL_RANGE_JPEG ? 1 : 0;
            swscale.sws_setColorspaceDetails(scale, swscale.sws_getCoefficients(matrix), full, swscale.sws_getCoefficients(matrix), 1, 0,
                1 << 16, 1 << 16);
            check(swscale.sws_scale(scale, decoded.data(), decoded.linesize(), 0, h, rgb.data(), rgb.linesize()), "damaged MP4");
            byte[] pixels = new byte[3 * w * h], row = new byte[3 * w];
            for (int y = 0; y < h; y++) {
                new BytePointer(rgb.data(0)).position((long) y * rgb.linesize(0)).get(row);
                for (int x = 0; x < w; x++) for (int c = 0; c < 3; c++) pixels[(c * h + y) * w + x] = row[3 * x + c];
            }
            return new Picture(3, h, w, pixels);
        }

        private void check(int code, String what) {
            if (code >= 0) return;
            byte[] words = new byte[256];
            avutil.av_strerror(code, words, words.length);
            int end = 0;
            while (end < words.length && words[end] != 0) end++;
            throw new FormatException(name, -1, what + ": " + new String(words, 0, end, java.nio.charset.StandardCharsets.UTF_8));
        }

        @Override public void close() {
            avcodec.av_packet_free(packet);
            avutil.av_frame_free(decoded);
            avutil.av_frame_free(rgb);
            if (!scale.isNull()) swscale.sws_freeContext(scale);
            if (!codec.isNull()) avcodec.avcodec_free_context(codec);
            if (!format.isNull()) avformat.avformat_close_input(format);
        }
    }
}
