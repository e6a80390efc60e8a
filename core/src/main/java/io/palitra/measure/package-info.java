/** What is measured of a model on test data, one file a measurement, and the list of them. */
@NullMarked
package io.palitra.measure;

import org.jspecify.annotations.NullMarked;
