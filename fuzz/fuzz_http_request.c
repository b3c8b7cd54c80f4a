/* Fuzzes the request decoder: whole against cut in two and byte by byte, the results must agree. */
#include <stdlib.h>
#include <string.h>
#include "cli/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(struct bri_http_request *request, const uint8_t *data, size_t size, size_t chunk)
{
	int r = BRI_HTTP_REQUEST_MORE;
	size_t used, n;

	bri_http_request_init(request);
	for (; size > 0 && r == BRI_HTTP_REQUEST_MORE; data += used, size -= used) {
		n = size < chunk ? size : chunk;
		r = bri_http_request_rx(request, data, n, &used);
		if (used > n || (used < n && r == BRI_HTTP_REQUEST_MORE))
			abort();
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bri_http_request whole, cut;
	size_t chunks[] = { 1, size / 2 + 1, 7 };
	int r = feed(&whole, data, size, size);

	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		if (feed(&cut, data, size, chunks[i]) != r || cut.status != whole.status ||
			cut.format != whole.format || cut.total != whole.total ||
			cut.is_head != whole.is_head || strcmp(cut.target, whole.target) != 0)
			abort();
	}
	return 0;
}
