package io.palitra.video;

import io.palitra.config.ArgumentException;
import io.palitra.data.Picture;
import io.palitra.data.Pictures;
import io.palitra.report.FilmWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.bytedeco.ffmpeg.avcodec.AVCodec;
import org.bytedeco.ffmpeg.avcodec.AVCodecContext;
import org.bytedeco.ffmpeg.avcodec.AVPacket;
import org.bytedeco.ffmpeg.avformat.AVFormatContext;
import org.bytedeco.ffmpeg.avformat.AVIOContext;
import org.bytedeco.ffmpeg.avformat.AVStream;
import org.bytedeco.ffmpeg.avutil.AVDictionary;
import org.bytedeco.ffmpeg.avutil.AVFrame;
import org.bytedeco.ffmpeg.avutil.AVRational;
import org.bytedeco.ffmpeg.global.avcodec;
import org.bytedeco.ffmpeg.global.avformat;
import org.bytedeco.ffmpeg.global.avutil;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * H.264 in MP4, as every browser and player shows it: half the colour resolution of the brightness, sides of an even number of pixels, to
 * which the last row or column is repeated where it must be.
 */
public final class Mp4 implements FilmWriter {
    private static final String ENCODER = "libopenh264";
    /** Bits a pixel: painted pictures change all over from frame to frame. */
    private static final double BITS = 0.4;
    private static final long LEAST_BITS = 1_000_000;

    @Override public String extension() { return ".mp4"; }

    /** @throws IllegalArgumentException for no frames, and for a rate that is none */
    @Override public void write(Path file, List<Picture> frames, double fps) {
        if (frames.isEmpty()) throw new ArgumentException("a film wants at least one frame, got none");
        if (!(fps > 0 && fps <= 1000)) throw new ArgumentException("illegal fps: " + fps + ", must be above 0, at most 1000");
        Path part = file.toAbsolutePath().resolveSibling("." + file.getFileName() + ".part");
        try {
            Files.deleteIfExists(part);
            Files.createFile(part);   // says what FFmpeg would say less clearly
            try (PointerScope scope = new PointerScope(); Writing writing = new Writing(frames.get(0))) {
                writing.begin(part, fps);
                for (Picture frame : frames) writing.frame(frame);
                writing.end();
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + file + ": " + e.getMessage(), e);
        } finally {
            try {
                Files.deleteIfExists(part);
            } catch (IOException ignored) {
                // the film is there, or the fault is told already
            }
        }
    }

    /** One file on its way. */
    private static final class Writing implements AutoCloseable {
        private final int width;
        private final int height;
        private final AVFormatContext format = new AVFormatContext(null);
        private final AVCodecContext codec;
        private final AVCodec encoder;
        private final AVStream stream;
        private final AVFrame yuv = avutil.av_frame_alloc();
        private final AVPacket packet = avcodec.av_packet_alloc();
        private long next;

        Writing(Picture first) throws IOException {
            width = first.width();
            height = first.height();
            avutil.av_log_set_level(avutil.AV_LOG_FATAL);   // what matters is thrown
            encoder = avcodec.avcodec_find_encoder_by_name(ENCODER);
            if (encoder == null) throw new IllegalStateException("this FFmpeg has no encoder " + ENCODER);
            check(avformat.avformat_alloc_output_context2(format, null, "mp4", null), "make a file of this format");
            codec = avcodec.avcodec_alloc_context3(encoder);
            stream = avformat.avformat_new_stream(format, null);
        }

        /** What may be refused. */
        void begin(Path part, double fps) throws IOException {
            AVRational rate = avutil.av_d2q(fps, 1_000_000), each = new AVRational().num(rate.den()).den(rate.num());
            codec.width(even(width)).height(even(height)).time_base(each).framerate(rate).pix_fmt(avutil.AV_PIX_FMT_YUV420P);
            codec.colorspace(avutil.AVCOL_SPC_SMPTE170M).color_primaries(avutil.AVCOL_PRI_BT709).color_trc(avutil.AVCOL_TRC_IEC61966_2_1);
            codec.color_range(avutil.AVCOL_RANGE_MPEG).gop_size((int) Math.max(1, Math.round(2 * fps)));
            codec.bit_rate(Math.max(LEAST_BITS, Math.round(BITS * width * height * fps)));
            codec.qmin(4).qmax(24);   // however few pixels there are, no frame is coarser
            codec.flags(codec.flags() | avcodec.AV_CODEC_FLAG_GLOBAL_HEADER);
            AVDictionary none = new AVDictionary(null);
            check(avcodec.avcodec_open2(codec, encoder, none), "open the encoder");
            stream.time_base(each).avg_frame_rate(rate);
            check(avcodec.avcodec_parameters_from_context(stream.codecpar(), codec), "describe the stream");
            AVIOContext io = new AVIOContext(null);
            check(avformat.avio_open(io, part.toString(), avformat.AVIO_FLAG_WRITE), "open the file");
            format.pb(io);
            check(avformat.avformat_write_header(format, none), "write the header");
            yuv.width(codec.width()).height(codec.height()).format(codec.pix_fmt());
            check(avutil.av_frame_get_buffer(yuv, 0), "make room for a frame");
        }

        private static int even(int n) { return n + n % 2; }

        void frame(Picture picture) throws IOException {
            if (picture.width() != width || picture.height() != height) {
                throw new ArgumentException("a film wants frames of one shape, got " + width + "x" + height + " and "
                    + picture.width() + "x" + picture.height());
            }
            try (PointerScope scope = new PointerScope()) {
                check(avutil.av_frame_make_writable(yuv), "make room for a frame");
                fill(Pictures.rgb(picture).pixels());
                yuv.pts(next++);
                check(avcodec.avcodec_send_frame(codec, yuv), "encode a frame");
                packets();
            }
        }

        /** By ITU-R BT.601, brightness in 16..235, colour in 16..240. */
        private void fill(byte[] rgb) {
            int w = codec.width(), h = codec.height(), n = width * height;
            byte[] y = new byte[w], u = new byte[w / 2], v = new byte[w / 2];
            double[] cb = new double[w / 2], cr = new double[w / 2];
            for (int row = 0; row < h; row++) {
                if (row % 2 == 0) {
                    java.util.Arrays.fill(cb, 0);
                    java.util.Arrays.fill(cr, 0);
                }
                for (int column = 0; column < w; column++) {
                    int at = Math.min(row, height - 1) * width + Math.min(column, width - 1);
                    double r = (rgb[at] & 0xff) / 255.0, g = (rgb[n + at] & 0xff) / 255.0, b = (rgb[2 * n + at] & 0xff) / 255.0;
                    double luma = 0.299 * r + 0.587 * g + 0.114 * b;
                    y[column] = (byte) Math.round(16 + 219 * luma);
                    cb[column / 2] += (b - luma) / 1.772 / 4;
                    cr[column / 2] += (r - luma) / 1.402 / 4;
                }
                new BytePointer(yuv.data(0)).position((long) row * yuv.linesize(0)).put(y, 0, w);
                if (row % 2 == 0) continue;
                for (int i = 0; i < w / 2; i++) {
                    u[i] = (byte) Math.round(128 + 224 * cb[i]);
                    v[i] = (byte) Math.round(128 + 224 * cr[i]);
                }
                new BytePointer(yuv.data(1)).position((long) row / 2 * yuv.linesize(1)).put(u, 0, w / 2);
                new BytePointer(yuv.data(2)).position((long) row / 2 * yuv.linesize(2)).put(v, 0, w / 2);
            }
        }

        private void packets() throws IOException {
            while (true) {
                int code = avcodec.avcodec_receive_packet(codec, packet);
                if (code == avutil.AVERROR_EAGAIN() || code == avutil.AVERROR_EOF()) return;
                check(code, "encode a frame");
                packet.duration(1);
                avcodec.av_packet_rescale_ts(packet, codec.time_base(), stream.time_base());
                packet.stream_index(0);
                check(avformat.av_interleaved_write_frame(format, packet), "write a frame");
            }
        }

        void end() throws IOException {
            check(avcodec.avcodec_send_frame(codec, null), "encode the last frames");
            packets();
            check(avformat.av_write_trailer(format), "write the end");
        }

        private static void check(int code, String doing) throws IOException {
            if (code >= 0) return;
            byte[] words = new byte[256];
            avutil.av_strerror(code, words, words.length);
            int end = 0;
            while (end < words.length && words[end] != 0) end++;
            throw new IOException("FFmpeg cannot " + doing + ": " + new String(words, 0, end, java.nio.charset.StandardCharsets.UTF_8));
        }

        @Override public void close() {
            avcodec.av_packet_free(packet);
            avutil.av_frame_free(yuv);
            avcodec.avcodec_free_context(codec);
            if (format.pb() != null) avformat.avio_closep(format.pb());
            avformat.avformat_free_context(format);
        }
    }
}
