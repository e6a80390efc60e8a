/** One file per family: config, network, loss and sampling, readable beside its paper. */
@NullMarked
package io.palitra.family;

import org.jspecify.annotations.NullMarked;
