/** Serves requests of {@link io.palitra.job} over HTTP: as jobs with a queue, events and files. It reaches models only through them. */
@org.jspecify.annotations.NullMarked
package io.palitra.server;
