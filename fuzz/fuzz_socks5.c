/* Fuzzes the SOCKS 5 handshake: whole against cut to pieces, the results must agree, and what we
 * say is what the state asks for. The first byte: are there credentials? */
#include <stdlib.h>
#include <string.h>
#include "proto/proxy/socks5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	int r;
	size_t used, said;
	enum bri_socks5_state state;
};

static size_t take_tx(struct bri_socks5 *s)
{
	const uint8_t *message;
	size_t n;

	if (!bri_socks5_tx(s, &message, &n))
		return 0;
	if (n < 3 || n > BRI_SOCKS5_TX_MAX || bri_socks5_tx(s, &message, &n))
		abort();
	return n;
}

static struct result feed(
	const struct bri_socks5_target *target, const uint8_t *data, size_t size, size_t chunk)
{
	struct result result = { 0 };
	struct bri_socks5 s;
	size_t n, used;

	if (bri_socks5_init(&s, target) < 0)
		abort();
	result.said = take_tx(&s);
	while (result.used < size && result.r == BRI_SOCKS5_MORE) {
		n = size - result.used < chunk ? size - result.used : chunk;
		result.r = bri_socks5_rx(&s, data + result.used, n, &used);
		if (!used || used > n)
			abort();
		result.used += used;
		result.said += take_tx(&s);
	}
	result.state = s.state;
	if ((result.r == BRI_SOCKS5_DONE) != (s.state == BRI_SOCKS5_OPEN))
		abort();
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bri_socks5_target target = { .host = "host.example", .port = 443 };
	size_t chunks[] = { 1, size / 2 + 1, 7 };
	struct result whole, cut;

	if (!size)
		return 0;
	if (data[0] & 1)
		target.username = "user";
	whole = feed(&target, data + 1, size - 1, size);
	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		cut = feed(&target, data + 1, size - 1, chunks[i]);
		if (cut.r != whole.r || cut.used != whole.used || cut.said != whole.said ||
			cut.state != whole.state)
			abort();
	}
	return 0;
}
