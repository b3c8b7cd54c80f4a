/*
 * Records fed to the TLS engine. The first byte: bit 0 server, bit 1 datagrams, bit 2 the identity
 * is asked for, bit 3 pre-shared keys, bits 4 to 6 how the rest is split, bit 7 of a server: it
 * takes early data, or looks at the first datagram before there is a session. Whatever comes, the
 * engine ends in one of its results, in bounded memory, and no answer to a first datagram is
 * longer.
 */
#include <stdlib.h>
#include <string.h>
#include "proto/tls/tls.h"

#define STEPS_MAX 4096

static const struct bri_tls_psk psk = { { (const uint8_t *)"me", 2 },
	{ (const uint8_t *)"0123456789abcdef", 16 } };

static void drain(struct bri_tls *tls)
{
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(tls, &bytes, &size))
		free(bytes);
}

static int work(struct bri_tls *tls)
{
	uint8_t sink[2048];
	size_t n;
	int r;

	do {
		r = bri_tls_step(tls, 1);
		if (r == BRI_TLS_ASKS && bri_tls_question(tls) == BRI_TLS_TRUST)
			bri_tls_answer_trust(tls, 0);
		else if (r == BRI_TLS_ASKS)
			bri_tls_answer_identity(tls);
	} while (r == BRI_TLS_ASKS);
	while (r == 0)
		r = bri_tls_read(tls, sink, sizeof(sink), &n);
	drain(tls);
	return r;
}

static void look_at_first(const uint8_t *data, size_t size)
{
	uint8_t key[16] = { 1, 2, 3 }, reply[BRI_TLS_FIRST_REPLY_MAX];
	gnutls_datum_t secret = { key, sizeof(key) };
	struct bri_tls_bytes peer = { (const uint8_t *)"192.0.2.1", 9 };
	uint8_t *copy = malloc(size ? size : 1);
	size_t n = 0;

	memcpy(copy, data, size);
	if (bri_tls_first(secret, peer, (struct bri_tls_bytes) { copy, size }, 1, reply, &n) ==
			BRI_TLS_FIRST_REPLY &&
		n > size)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bri_tls_config config = { .min_version = 0x0301, .max_version = 0x0304 };
	static struct bri_tls_replay *replay;
	struct bri_tls *tls;
	size_t chunk;
	int r = BRI_TLS_WAITS;

	if (!size)
		return 0;
	config.server = data[0] & 1;
	config.datagram = data[0] & 2;
	config.asks_identity = config.server && data[0] & 4;
	if (data[0] & 8) {
		config.psks = &psk;
		config.n_psks = 1;
	}
	if (data[0] & 0x80 && config.server && config.datagram)
		look_at_first(data + 1, size - 1);
	if (data[0] & 0x80 && config.server && !config.datagram) {
		if (!replay)
			replay = bri_tls_replay_new();
		config.replay = replay;
	}
	chunk = (size_t)1 << 2 * (data[0] >> 4 & 7);
	data++;
	size--;
	if (bri_tls_new(&config, 0, &tls) < 0)
		return 0;
	work(tls);
	for (int i = 0; size && r >= 0 && r != BRI_TLS_ENDED && i < STEPS_MAX; i++) {
		size_t n = chunk < size ? chunk : size;
		uint8_t *copy = malloc(n);

		memcpy(copy, data, n);
		bri_tls_input(tls, copy, n);
		r = work(tls);
		bri_tls_input(tls, NULL, 0);
		free(copy);
		data += n;
		size -= n;
	}
	bri_tls_input_end(tls);
	work(tls);
	bri_tls_put(tls);
	return 0;
}
