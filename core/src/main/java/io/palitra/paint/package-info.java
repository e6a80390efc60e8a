/** Text to pictures: Stable Diffusion and its kin, from the files of other libraries. */
@NullMarked
package io.palitra.paint;

import org.jspecify.annotations.NullMarked;
