package io.palitra.server;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What happened to a job. @param id counts from 1 within the job */
record Event(long id, String name, ObjectNode data) {}
