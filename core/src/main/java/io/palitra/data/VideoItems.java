package io.palitra.data;

import io.palitra.engine.DType;
import io.palitra.engine.Tensor;

/** Items that are films of pictures of one size, [T,C,H,W]: what a measure or a display asks for that reads them. */
public interface VideoItems extends DataSpec {
    /** Frames of an item, T. */
    int frames();

    /** 1 = grey, 3 = colour. */
    int channels();

    /** Pixels from top to bottom. */
    int height();

    /** Pixels from left to right. */
    int width();

    @Override default long[] shape() { return new long[] {frames(), channels(), height(), width()}; }

    @Override default DType stored() { return DType.U8; }

    /** Bytes 0..255 to floats in [-1,1]. */
    @Override default Tensor toModel(Tensor stored) { return DataLoader.fromBytes(stored); }

    @Override default Tensor toStored(Tensor x) { return x.add(1).mul(127.5).clamp(0, 255).round().to(DType.U8); }

    /** The same, of so many frames, without classes. */
    default VideoItems ofLength(int frames) { return new VideoSpec(frames, channels(), height(), width(), 0); }

    /** What one frame is. */
    default ImageSpec frame() { return new ImageSpec(channels(), height(), width(), classes()); }
}
