package io.palitra.model;

import io.palitra.data.Batch;
import io.palitra.engine.Rng;
import io.palitra.hub.FolderDraft;

/** A model whose networks Python's diffusers has too. */
public interface DiffusersExport {
    /**
     * Writes the files that diffusers loads. Without recording, in evaluation mode.
     *
     * @param train training items, asked for only by a model that must measure something; each batch's tensors die with its turn
     * @return what Python runs to use them, where {@code DIR} is the folder
     * @throws IllegalArgumentException if a model of this configuration is none of diffusers'
     */
    String export(FolderDraft folder, Iterable<Batch> train, Rng rng);
}
