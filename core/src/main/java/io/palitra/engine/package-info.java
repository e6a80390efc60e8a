/** The tensor engine: libtorch behind our own small surface. The only package that knows org.bytedeco. */
@NullMarked
package io.palitra.engine;

import org.jspecify.annotations.NullMarked;
