package io.palitra.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a caller is told went wrong.
 *
 * @param http status of the answer
 * @param code for programs
 * @param field of the request, empty where it is none's
 * @param message for a person, without a place on the disk
 */
record Fault(int http, String code, String field, String message) {
    ObjectNode toJson() {
        ObjectNode node = new ObjectMapper().createObjectNode().put("code", code).put("message", message);
        if (!field.isEmpty()) node.put("field", field);
        return node;
    }
}
