/* webterm/http_text.h - what peers write in headers, looked at.  Bytes in, answers out: no library,
 * no connection. */
#ifndef WEBTERM_HTTP_TEXT_H
#define WEBTERM_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_NAME_MAX 254

/* "lab.example.org:8070" or "[::1]:8070": the name in small letters, without brackets and port.
 * False: it is no host. */
bool http_host_name(const char *host, char name[HTTP_NAME_MAX]);
/* Is the name one that only this machine's own programs reach: localhost, 127.0.0.1, ::1? */
bool http_host_is_local(const char *name);
/* Is it the host of one of 'origins', which are separated by blanks? */
bool http_host_listed(const char *name, const char *origins);

/* May a page of 'origin' talk to us, who were called 'host' ("example.org:8070") by TLS or not? */
bool http_origin_may(const char *origin, const char *host, bool tls, const char *origins);

/* The value of a cookie.  False: there is none of this name, or it is longer than 'size' - 1. */
bool http_cookie(const char *cookies, const char *name, char *value, size_t size);

/* Does the list of an If-None-Match name 'etag', which is in quotes? */
bool http_etag_matches(const char *list, const char *etag);

/* Does an Accept-Encoding take 'coding' ("br")?  A quality of zero does not. */
bool http_accepts_coding(const char *list, const char *coding);

#endif
