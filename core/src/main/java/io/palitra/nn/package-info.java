/** Layers, losses and the tree of parameters. */
@NullMarked
package io.palitra.nn;

import org.jspecify.annotations.NullMarked;
