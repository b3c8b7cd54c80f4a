/*
 * The head of one HTTP/1.1 request, decoded from any chunks (RFC 9110, RFC 9112), and which form of
 * answer it asks for. Knows no socket and no clock. The same bytes give the same result however
 * they are cut.
 */
#ifndef BRI_CLI_HTTP_REQUEST_H
#define BRI_CLI_HTTP_REQUEST_H

#include "base/base.h"

#define BRI_HTTP_REQUEST_MAX_BYTES  8192 /* the whole head; what common servers accept */
#define BRI_HTTP_REQUEST_MAX_TARGET 2048 /* far over what browsers send here */
#define BRI_HTTP_REQUEST_MAX_FIELDS 64   /* browsers send about 20 */

/* What rx returns: positive conditions of this module. */
enum {
	BRI_HTTP_REQUEST_MORE = 0, /* the head goes on */
	BRI_HTTP_REQUEST_DONE = 1, /* complete and well formed */
	BRI_HTTP_REQUEST_BAD = 2,  /* refused: `status` says which answer */
};

enum bri_http_format {
	BRI_HTTP_TEXT,
	BRI_HTTP_HTML,
	BRI_HTTP_JSON,
};

struct bri_http_request {
	/* the result */
	unsigned status; /* 200, or the refusal: 400 405 413 414 431 501 505 */
	bool is_head;    /* HEAD: answer without content */
	bool is_http10;
	char target[BRI_HTTP_REQUEST_MAX_TARGET + 1];
	enum bri_http_format format;

	/* how far */
	uint8_t state;
	size_t total;
	unsigned fields;
	bool has_host, has_accept;
	unsigned quality[3]; /* of each format, in thousandths; specificity beside it */
	unsigned specificity[3];
	size_t line_size;
	char line[BRI_HTTP_REQUEST_MAX_BYTES];
};

void bri_http_request_init(struct bri_http_request *request);

/*
 * bri_http_request_rx(): the next bytes of the connection.
 *   ret_used  how many belong to the head (all of them unless DONE or BAD)
 * Returns BRI_HTTP_REQUEST_MORE, _DONE, _BAD. After DONE or BAD it returns the same and uses
 * nothing.
 */
int bri_http_request_rx(
	struct bri_http_request *request, const uint8_t *bytes, size_t size, size_t *ret_used);

/* bri_http_status_text(): the reason phrase of a status that this module gives, or of 404 and 408.
 */
const char *bri_http_status_text(unsigned status);

#endif
