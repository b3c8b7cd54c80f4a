/* Fuzzes HTTP CONNECT: an answer, whole against cut to pieces, the results must agree and the
 * limits hold; and the same bytes as host, user name and password of a request, which stays one
 * request. */
#include <stdlib.h>
#include <string.h>
#include "proto/proxy/http_connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(struct bri_http_connect *c, const uint8_t *data, size_t size, size_t chunk,
	size_t *ret_used)
{
	int r = BRI_HTTP_CONNECT_MORE;
	size_t used, n;

	*ret_used = 0;
	bri_http_connect_init(c);
	while (*ret_used < size && r == BRI_HTTP_CONNECT_MORE) {
		n = size - *ret_used < chunk ? size - *ret_used : chunk;
		r = bri_http_connect_rx(c, data + *ret_used, n, &used);
		if (used > n || (used < n && r == BRI_HTTP_CONNECT_MORE))
			abort();
		*ret_used += used;
	}
	if (*ret_used > BRI_HTTP_CONNECT_HEAD_MAX + 1 ||
		c->fields > BRI_HTTP_CONNECT_FIELDS_MAX + 1)
		abort();
	if (r == BRI_HTTP_CONNECT_DONE && (c->status < 200 || c->status > 299))
		abort();
	return r;
}

/* Whatever goes in: four lines at most, the last one empty. */
static void check_request(const uint8_t *data, size_t size)
{
	char text[3][512], request[BRI_HTTP_CONNECT_REQUEST_MAX];
	struct bri_http_connect_target target = { text[0], 443, text[1], text[2] };
	size_t at = 0, n, lines = 0;

	for (unsigned i = 0; i < 3; i++) {
		for (n = 0; at < size && data[at] && n < sizeof(text[i]) - 1; n++)
			text[i][n] = (char)data[at++];
		text[i][n] = 0;
		at += at < size;
	}
	if (bri_http_connect_request(&target, request, &n) < 0)
		return;
	if (n > sizeof(request) || memcmp(request + n - 4, "\r\n\r\n", 4))
		abort();
	for (size_t i = 0; i < n; i++)
		lines += request[i] == '\n';
	if (lines != 4)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bri_http_connect whole, cut;
	size_t chunks[] = { 1, size / 2 + 1, 7 };
	size_t used, cut_used;
	int r = feed(&whole, data, size, size, &used);

	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		if (feed(&cut, data, size, chunks[i], &cut_used) != r || cut_used != used ||
			cut.status != whole.status || cut.fields != whole.fields)
			abort();
	}
	check_request(data, size);
	return 0;
}
