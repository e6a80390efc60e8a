/** Numbers that compare samples with data: distances of features, nearest neighbours, and the alarm for collapsed generators. */
@NullMarked
package io.palitra.metric;

import org.jspecify.annotations.NullMarked;
