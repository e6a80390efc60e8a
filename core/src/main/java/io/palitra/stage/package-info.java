/** What second stages and several families share: frozen first stages, encoders of texts and pictures, parts of autoencoders. */
@NullMarked
package io.palitra.stage;

import org.jspecify.annotations.NullMarked;
