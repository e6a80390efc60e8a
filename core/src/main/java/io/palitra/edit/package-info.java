/** Applications over the capabilities of models: walks through latent spaces, maps of them. */
@NullMarked
package io.palitra.edit;

import org.jspecify.annotations.NullMarked;
