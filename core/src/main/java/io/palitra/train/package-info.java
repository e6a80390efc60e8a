/** The one loop, and the run folder that it fills. */
@NullMarked
package io.palitra.train;

import org.jspecify.annotations.NullMarked;
