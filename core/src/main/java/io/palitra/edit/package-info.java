/** Applications over the capabilities of models: interpolations in latent spaces, maps of them. */
@NullMarked
package io.palitra.edit;

import org.jspecify.annotations.NullMarked;
