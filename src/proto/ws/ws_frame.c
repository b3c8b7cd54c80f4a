/* RFC 6455, sections 5.2 and 5.3. Knows nothing of messages. */
#include "proto/ws/ws_frame.h"

#include <errno.h>
#include <string.h>

#define FIN    0x80u
#define MASKED 0x80u
#define LEN_16 126u
#define LEN_64 127u

/* masked at once: a vector register */
typedef uint64_t mask_block __attribute__((vector_size(16)));

/* How long the header is, as far as its first two bytes tell. */
static size_t header_size(const uint8_t *bytes, size_t have)
{
	size_t size = 2;

	if (have < 2)
		return size;
	if ((bytes[1] & 0x7fu) == LEN_16)
		size += 2;
	else if ((bytes[1] & 0x7fu) == LEN_64)
		size += 8;
	return bytes[1] & MASKED ? size + 4 : size;
}

static uint64_t read_be(const uint8_t *bytes, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | bytes[i];
	return value;
}

static int decode(const uint8_t *bytes, size_t size, struct bri_ws_frame *ret)
{
	struct bri_ws_frame frame = {
		.fin = bytes[0] & FIN,
		.rsv = (bytes[0] >> 4) & 7u,
		.opcode = bytes[0] & 15u,
		.masked = bytes[1] & MASKED,
		.size = bytes[1] & 0x7fu,
	};

	if (frame.size == LEN_16) {
		frame.size = read_be(bytes + 2, 2);
		if (frame.size < LEN_16)
			return -EPROTO; /* "the minimal number of bytes MUST be used" */
	} else if (frame.size == LEN_64) {
		frame.size = read_be(bytes + 2, 8);
		if (frame.size <= UINT16_MAX || frame.size >> 63)
			return -EPROTO;
	}
	if (frame.masked)
		memcpy(frame.key, bytes + size - 4, 4);
	*ret = frame;
	return 0;
}

int bri_ws_frame_rx(struct bri_ws_frame_reader *reader, const uint8_t *bytes, size_t size,
	size_t *ret_used, struct bri_ws_frame *ret)
{
	size_t used = 0, want;

	if (!reader->have) { /* and nearly always it is all there */
		want = header_size(bytes, size);
		if (size >= want) {
			*ret_used = want;
			return decode(bytes, want, ret);
		}
	}
	do {
		size_t n;

		want = header_size(reader->bytes, reader->have);
		n = bri_min_size(want - reader->have, size - used);
		memcpy(reader->bytes + reader->have, bytes + used, n);
		reader->have = (uint8_t)(reader->have + n);
		used += n;
		if (reader->have < want) {
			*ret_used = used;
			return BRI_WS_FRAME_MORE;
		}
	} while (want < header_size(reader->bytes, reader->have));
	*ret_used = used;
	reader->have = 0;
	return decode(reader->bytes, want, ret);
}

static size_t write_be(uint8_t *to, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
	return n;
}

size_t bri_ws_frame_encode(const struct bri_ws_frame *frame, uint8_t ret[BRI_WS_FRAME_HEADER_MAX])
{
	unsigned masked = frame->masked ? MASKED : 0;
	size_t size = 2;

	ret[0] = (uint8_t)((frame->fin ? FIN : 0) | (frame->rsv & 7u) << 4 | (frame->opcode & 15u));
	if (frame->size < LEN_16) {
		ret[1] = (uint8_t)(masked | frame->size);
	} else if (frame->size <= UINT16_MAX) {
		ret[1] = (uint8_t)(masked | LEN_16);
		size += write_be(ret + 2, frame->size, 2);
	} else {
		ret[1] = (uint8_t)(masked | LEN_64);
		size += write_be(ret + 2, frame->size, 8);
	}
	if (frame->masked) {
		memcpy(ret + size, frame->key, 4);
		size += 4;
	}
	return size;
}

void bri_ws_frame_mask(
	uint8_t *to, const uint8_t *from, size_t size, const uint8_t key[4], uint64_t offset)
{
	uint8_t twice[8], *turned = twice + (offset & 3u);
	mask_block block;
	uint64_t mask, word;
	uint32_t half, half_word;
	size_t i = 0;

	memcpy(twice, key, 4);
	memcpy(twice + 4, key, 4);
	memcpy(&half, turned, sizeof(half));
	mask = (uint64_t)half << 32 | half;
	for (; size - i >= sizeof(block); i += sizeof(block)) {
		memcpy(&block, from + i, sizeof(block));
		block ^= mask;
		memcpy(to + i, &block, sizeof(block));
	}
	if (size - i >= sizeof(word)) {
		memcpy(&word, from + i, sizeof(word));
		word ^= mask;
		memcpy(to + i, &word, sizeof(word));
		i += sizeof(word);
	}
	if (size - i >= sizeof(half_word)) {
		memcpy(&half_word, from + i, sizeof(half_word));
		half_word ^= half;
		memcpy(to + i, &half_word, sizeof(half_word));
		i += sizeof(half_word);
	}
	for (; i < size; i++)
		to[i] = from[i] ^ turned[i & 3u];
}
