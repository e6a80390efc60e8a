/** Bytes to batches: readers of files, drawn data, and the loader that keeps the device busy. */
@NullMarked
package io.palitra.data;

import org.jspecify.annotations.NullMarked;
