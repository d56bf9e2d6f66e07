/* webterm/openapi.h - docs/openapi.yaml, and the same as JSON (docs/openapi.json, of make openapi).
 */
#ifndef WEBTERM_OPENAPI_H
#define WEBTERM_OPENAPI_H

#include <stddef.h>

extern const char openapi_yaml_text[], openapi_json_text[];
extern const size_t openapi_yaml_len, openapi_json_len;

#endif
