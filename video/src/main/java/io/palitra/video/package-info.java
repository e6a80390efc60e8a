/** Films as MP4: a module of its own, since FFmpeg's libraries are nobody's who wants pictures. */
@org.jspecify.annotations.NullMarked
package io.palitra.video;
