/*
 * The cases of the Autobahn test suite, sections 1 to 7, 9 and 10, as tables: what the peer sends,
 * and what an echo program on our layer must answer. Each runs as client and as server, in one
 * piece, byte by byte, and in pieces of odd sizes.
 */
#include "ws_util.h"

#define T      (WS_FIN | 1)
#define B      (WS_FIN | 2)
#define C      (WS_FIN | 8)
#define PING   (WS_FIN | 9)
#define PONG   (WS_FIN | 10)
#define TF     1 /* fragments: the first of a text, and those that continue */
#define CF     0
#define CE     (WS_FIN | 0)
#define RSV(n) ((n) << 4)

struct f {
	unsigned first;
	const char *payload; /* NULL with a size: `size` bytes of '*' */
	size_t size;
};
#define S(first_, text)                                                                            \
	{                                                                                          \
		(first_), (text), sizeof(text) - 1                                                 \
	}
#define N(first_, size_)                                                                           \
	{                                                                                          \
		(first_), NULL, (size_)                                                            \
	}
#define CODE(code_) S(C, code_) /* a close frame with this payload */

enum { FRAMES = 14, OPEN = 0, NO_CODE = 1 };

struct test_case {
	const char *name;
	struct f sent[FRAMES];     /* ends with an empty slot, that is first == 0 and no size */
	struct f answered[FRAMES]; /* frames that must come, besides the closing */
	/* OPEN: the peer closes with 1000 behind it, and hears 1000. NO_CODE: our close frame has
	 * none. Else the code of our close frame */
	unsigned close;
	bool fails; /* the connection fails: the peer broke a rule */
};

#define ECHO(name_, ...)                                                                           \
	{                                                                                          \
		name_, { __VA_ARGS__ }, { __VA_ARGS__ }, OPEN, false                               \
	}
#define REPLY(name_, sent_, ...)                                                                   \
	{                                                                                          \
		name_, sent_, { __VA_ARGS__ }, OPEN, false                                         \
	}
#define FAIL(name_, code_, ...)                                                                    \
	{                                                                                          \
		name_, { __VA_ARGS__ }, { { 0 } }, (code_), true                                   \
	}
#define LIST(...)                                                                                  \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* a fragment that begins with opcode 0 and has no bytes would look like the end of the list */
#define LAST                                                                                       \
	{                                                                                          \
		0xffff, NULL, 0                                                                    \
	}

static const struct test_case framing[] = {
	ECHO("1.1.1", S(T, ""), LAST),
	ECHO("1.1.2", N(T, 125), LAST),
	ECHO("1.1.3", N(T, 126), LAST),
	ECHO("1.1.4", N(T, 127), LAST),
	ECHO("1.1.5", N(T, 128), LAST),
	ECHO("1.1.6", N(T, 65535), LAST),
	ECHO("1.1.7", N(T, 65536), LAST),
	ECHO("1.1.8", N(T, 65536), LAST),
	ECHO("1.2.1", S(B, ""), LAST),
	ECHO("1.2.2", N(B, 125), LAST),
	ECHO("1.2.3", N(B, 126), LAST),
	ECHO("1.2.4", N(B, 127), LAST),
	ECHO("1.2.5", N(B, 128), LAST),
	ECHO("1.2.6", N(B, 65535), LAST),
	ECHO("1.2.7", N(B, 65536), LAST),
	ECHO("1.2.8", N(B, 65536), LAST),

	REPLY("2.1", LIST(S(PING, ""), LAST), S(PONG, ""), LAST),
	REPLY("2.2", LIST(S(PING, "Hello, world!"), LAST), S(PONG, "Hello, world!"), LAST),
	REPLY("2.3", LIST(S(PING, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), LAST),
		S(PONG, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), LAST),
	REPLY("2.4", LIST(N(PING, 125), LAST), N(PONG, 125), LAST),
	FAIL("2.5", 1002, N(PING, 126), LAST),
	REPLY("2.6", LIST(N(PING, 125), LAST), N(PONG, 125), LAST),
	REPLY("2.7", LIST(S(PONG, ""), LAST), LAST),
	REPLY("2.8", LIST(S(PONG, "unsolicited pong payload"), LAST), LAST),
	REPLY("2.9", LIST(S(PONG, "unsolicited"), S(PING, "ping payload"), LAST),
		S(PONG, "ping payload"), LAST),
	REPLY("2.10",
		LIST(S(PING, "0"), S(PING, "1"), S(PING, "2"), S(PING, "3"), S(PING, "4"),
			S(PING, "5"), S(PING, "6"), S(PING, "7"), S(PING, "8"), S(PING, "9"), LAST),
		S(PONG, "0"), S(PONG, "1"), S(PONG, "2"), S(PONG, "3"), S(PONG, "4"), S(PONG, "5"),
		S(PONG, "6"), S(PONG, "7"), S(PONG, "8"), S(PONG, "9"), LAST),

	FAIL("3.1", 1002, S(T | RSV(1), "Hello, world!"), LAST),
	{ "3.2", { S(T, "Hello, world!"), S(T | RSV(2), "Hello, world!"), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	{ "3.3", { S(T, "Hello, world!"), S(T | RSV(3), "Hello, world!"), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	{ "3.4", { S(T, "Hello, world!"), S(T | RSV(4), "Hello, world!"), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	FAIL("3.5", 1002, S(B | RSV(5), "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), LAST),
	FAIL("3.6", 1002, S(PING | RSV(6), "Hello, world!"), LAST),
	FAIL("3.7", 1002, S(C | RSV(7), "\x03\xe8"), LAST),

	FAIL("4.1.1", 1002, S(WS_FIN | 3, ""), LAST),
	FAIL("4.1.2", 1002, S(WS_FIN | 4, "reserved opcode payload"), LAST),
	{ "4.1.3", { S(T, "Hello, world!"), S(WS_FIN | 5, ""), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	{ "4.1.4", { S(T, "Hello, world!"), S(WS_FIN | 6, "payload"), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	{ "4.1.5", { S(T, "Hello, world!"), S(WS_FIN | 7, "payload"), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	FAIL("4.2.1", 1002, S(WS_FIN | 11, ""), LAST),
	FAIL("4.2.2", 1002, S(WS_FIN | 12, "reserved opcode payload"), LAST),
	{ "4.2.3", { S(T, "Hello, world!"), S(WS_FIN | 13, ""), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	{ "4.2.4", { S(T, "Hello, world!"), S(WS_FIN | 14, "payload"), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },
	{ "4.2.5", { S(T, "Hello, world!"), S(WS_FIN | 15, "payload"), S(PING, ""), LAST },
		{ S(T, "Hello, world!"), LAST }, 1002, true },

	FAIL("5.1", 1002, S(9, "fragment1"), S(CE, "fragment2"), LAST),
	FAIL("5.2", 1002, S(10, "fragment1"), S(CE, "fragment2"), LAST),
	REPLY("5.3", LIST(S(TF, "fragment1"), S(CE, "fragment2"), LAST), S(T, "fragment1fragment2"),
		LAST),
	REPLY("5.6", LIST(S(TF, "fragment1"), S(PING, "ping payload"), S(CE, "fragment2"), LAST),
		S(PONG, "ping payload"), S(T, "fragment1fragment2"), LAST),
	FAIL("5.9", 1002, S(CE, "non-continuation payload"), S(T, "Hello, world!"), LAST),
	FAIL("5.12", 1002, S(CF, "non-continuation payload"), S(T, "Hello, world!"), LAST),
	{ "5.15",
		{ S(TF, "fragment1"), S(CE, "fragment2"), S(CF, "fragment3"), S(T, "fragment4"),
			LAST },
		{ S(T, "fragment1fragment2"), LAST }, 1002, true },
	FAIL("5.16", 1002, S(CF, "fragment1"), S(TF, "fragment2"), S(CE, "fragment3"), LAST),
	FAIL("5.17", 1002, S(CE, "fragment1"), S(TF, "fragment2"), S(CE, "fragment3"), LAST),
	FAIL("5.18", 1002, S(TF, "fragment1"), S(T, "fragment2"), LAST),
	REPLY("5.19",
		LIST(S(TF, "fragment1"), S(CF, "fragment2"), S(PING, "pongme 1!"),
			S(CF, "fragment3"), S(CF, "fragment4"), S(PING, "pongme 2!"),
			S(CE, "fragment5"), LAST),
		S(PONG, "pongme 1!"), S(PONG, "pongme 2!"),
		S(T, "fragment1fragment2fragment3fragment4fragment5"), LAST),

	REPLY("6.1.1", LIST(S(T, ""), LAST), S(T, ""), LAST),
	REPLY("6.1.2", LIST(S(TF, ""), S(CF, ""), S(CE, ""), LAST), S(T, ""), LAST),
	REPLY("6.1.3", LIST(S(TF, ""), S(CF, "middle frame payload"), S(CE, ""), LAST),
		S(T, "middle frame payload"), LAST),
	REPLY("6.2.2",
		LIST(S(TF, "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4"),
			S(CE, "\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!"), LAST),
		S(T, "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!"),
		LAST),
	REPLY("6.2.3",
		LIST(S(TF, "\xce"), S(CF, "\xba"), S(CF, "\xe1"), S(CF, "\xbd"), S(CF, "\xb9"),
			S(CF, "\xcf"), S(CF, "\x83"), S(CF, "\xce"), S(CF, "\xbc"), S(CF, "\xce"),
			S(CE, "\xb5"), LAST),
		S(T, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"), LAST),
	FAIL("6.3.2", 1007, S(TF, "\xce"), S(CF, "\xba"), S(CF, "\xed"), S(CF, "\xa0"),
		S(CE, "\x80"), LAST),
	/* fail fast: the message is not even complete */
	FAIL("6.4.1", 1007, S(TF, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"),
		S(CF, "\xf4\x90\x80\x80"), LAST),
	FAIL("6.4.2", 1007, S(TF, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4"),
		S(CF, "\x90"), LAST),

	{ "7.1.1", { S(T, "Hello World!"), LAST }, { S(T, "Hello World!"), LAST }, OPEN, false },
	{ "7.1.2", { S(C, "\x03\xe8"), S(C, "\x03\xe8"), LAST }, { LAST }, 1000, false },
	{ "7.1.3", { S(C, "\x03\xe8"), S(PING, ""), LAST }, { LAST }, 1000, false },
	{ "7.1.4", { S(C, "\x03\xe8"), S(T, "Hello World!"), LAST }, { LAST }, 1000, false },
	{ "7.1.5", { S(TF, "fragment1"), S(C, "\x03\xe8"), S(CE, "fragment2"), LAST }, { LAST },
		1000, false },
	{ "7.1.6", { N(T, 256 * 1024), S(T, "Hello World!"), S(C, "\x03\xe8"), S(PING, ""), LAST },
		{ N(T, 256 * 1024), S(T, "Hello World!"), LAST }, 1000, false },
	{ "7.3.1", { S(C, ""), LAST }, { LAST }, NO_CODE, false },
	FAIL("7.3.2", 1002, S(C, "a"), LAST),
	{ "7.3.3", { S(C, "\x03\xe8"), LAST }, { LAST }, 1000, false },
	{ "7.3.4", { S(C, "\x03\xe8Hello World!"), LAST }, { LAST }, 1000, false },
	{ "7.3.5",
		{ S(C, "\x03\xe8"
		       "0123456789012345678901234567890123456789012345678901234567890"
		       "12345678901234567890123456789012345678901234567890123456789012"),
			LAST },
		{ LAST }, 1000, false },
	FAIL("7.3.6", 1002, N(C, 126), LAST),
	FAIL("7.5.1", 1007,
		S(C, "\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
		     "edited"),
		LAST),
};

/* --- section 6: texts, whole and in two fragments --- */

struct text_case {
	const char *name;
	const char *text;
	bool valid;
};

static const struct text_case texts[] = {
	{ "6.2.1", "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
		true },
	{ "6.2.4", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", true },
	{ "6.3.1",
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"
		"edited",
		false },
	{ "6.5.1", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf0\x90\x80\x80", true },
	{ "6.6.1", "\xce", false },
	{ "6.6.2", "\xce\xba", true },
	{ "6.6.3", "\xce\xba\xe1", false },
	{ "6.6.4", "\xce\xba\xe1\xbd", false },
	{ "6.6.5", "\xce\xba\xe1\xbd\xb9", true },
	{ "6.6.6", "\xce\xba\xe1\xbd\xb9\xcf", false },
	{ "6.6.7", "\xce\xba\xe1\xbd\xb9\xcf\x83", true },
	{ "6.6.8", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce", false },
	{ "6.6.9", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc", true },
	{ "6.6.10", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce", false },
	{ "6.6.11", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", true },
	/* first and last of each length; 6.7.1 is a NUL, see nul_is_a_character() */
	{ "6.7.2", "\xc2\x80", true },
	{ "6.7.3", "\xe0\xa0\x80", true },
	{ "6.7.4", "\xf0\x90\x80\x80", true },
	{ "6.8.1", "\xf8\x88\x80\x80\x80", false },
	{ "6.8.2", "\xfc\x84\x80\x80\x80\x80", false },
	{ "6.9.1", "\x7f", true },
	{ "6.9.2", "\xdf\xbf", true },
	{ "6.9.3", "\xef\xbf\xbf", true },
	{ "6.9.4", "\xf4\x8f\xbf\xbf", true },
	{ "6.10.1", "\xf7\xbf\xbf\xbf", false },
	{ "6.10.2", "\xfb\xbf\xbf\xbf\xbf", false },
	{ "6.10.3", "\xfd\xbf\xbf\xbf\xbf\xbf", false },
	{ "6.11.1", "\xed\x9f\xbf", true },
	{ "6.11.2", "\xee\x80\x80", true },
	{ "6.11.3", "\xef\xbf\xbd", true },
	{ "6.11.4", "\xf4\x8f\xbf\xbf", true },
	{ "6.11.5", "\xf4\x90\x80\x80", false },
	{ "6.12.1", "\x80", false },
	{ "6.12.2", "\xbf", false },
	{ "6.12.3", "\x80\xbf", false },
	{ "6.12.4", "\x80\xbf\x80", false },
	{ "6.12.5", "\x80\xbf\x80\xbf", false },
	{ "6.12.6", "\x80\xbf\x80\xbf\x80", false },
	{ "6.12.7", "\x80\xbf\x80\xbf\x80\xbf", false },
	{ "6.12.8", "\x80\x81\x82\x83\x9e\x9f\xa0\xbd\xbe", false },
	{ "6.13.1", "\xc0 \xc1 \xc2 \xde \xdf ", false },
	{ "6.13.2", "\xe0 \xe1 \xee \xef ", false },
	{ "6.13.3", "\xf0 \xf1 \xf6 \xf7 ", false },
	{ "6.13.4", "\xf8 \xf9 \xfa \xfb ", false },
	{ "6.13.5", "\xfc \xfd ", false },
	{ "6.14.1", "\xc0", false },
	{ "6.14.2", "\xe0\x80", false },
	{ "6.14.3", "\xf0\x80\x80", false },
	{ "6.14.4", "\xf8\x80\x80\x80", false },
	{ "6.14.5", "\xfc\x80\x80\x80\x80", false },
	{ "6.14.6", "\xdf", false },
	{ "6.14.7", "\xef\xbf", false },
	{ "6.14.8", "\xf7\xbf\xbf", false },
	{ "6.14.9", "\xfb\xbf\xbf\xbf", false },
	{ "6.14.10", "\xfd\xbf\xbf\xbf\xbf", false },
	{ "6.15.1", "\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf",
		false },
	{ "6.16.1", "\xfe", false },
	{ "6.16.2", "\xff", false },
	{ "6.16.3", "\xfe\xfe\xff\xff", false },
	{ "6.17.1", "\xc0\xaf", false },
	{ "6.17.2", "\xe0\x80\xaf", false },
	{ "6.17.3", "\xf0\x80\x80\xaf", false },
	{ "6.17.4", "\xf8\x80\x80\x80\xaf", false },
	{ "6.17.5", "\xfc\x80\x80\x80\x80\xaf", false },
	{ "6.18.1", "\xc1\xbf", false },
	{ "6.18.2", "\xe0\x9f\xbf", false },
	{ "6.18.3", "\xf0\x8f\xbf\xbf", false },
	{ "6.18.4", "\xf8\x87\xbf\xbf\xbf", false },
	{ "6.18.5", "\xfc\x83\xbf\xbf\xbf\xbf", false },
	{ "6.19.1", "\xc0\x80", false },
	{ "6.19.2", "\xe0\x80\x80", false },
	{ "6.19.3", "\xf0\x80\x80\x80", false },
	{ "6.19.4", "\xf8\x80\x80\x80\x80", false },
	{ "6.19.5", "\xfc\x80\x80\x80\x80\x80", false },
	{ "6.20.1", "\xed\xa0\x80", false },
	{ "6.20.2", "\xed\xad\xbf", false },
	{ "6.20.3", "\xed\xae\x80", false },
	{ "6.20.4", "\xed\xaf\xbf", false },
	{ "6.20.5", "\xed\xb0\x80", false },
	{ "6.20.6", "\xed\xbe\x80", false },
	{ "6.20.7", "\xed\xbf\xbf", false },
	{ "6.21.1", "\xed\xa0\x80\xed\xb0\x80", false },
	{ "6.21.2", "\xed\xa0\x80\xed\xbf\xbf", false },
	{ "6.21.3", "\xed\xad\xbf\xed\xb0\x80", false },
	{ "6.21.4", "\xed\xad\xbf\xed\xbf\xbf", false },
	{ "6.21.5", "\xed\xae\x80\xed\xb0\x80", false },
	{ "6.21.6", "\xed\xae\x80\xed\xbf\xbf", false },
	{ "6.21.7", "\xed\xaf\xbf\xed\xb0\x80", false },
	{ "6.21.8", "\xed\xaf\xbf\xed\xbf\xbf", false },
	/* 6.22.1 to 34 are the noncharacters; see noncharacters_are_characters() for all */
	{ "6.22.1", "\xef\xbf\xbe", true },
	{ "6.22.2", "\xef\xbf\xbf", true },
	{ "6.23.1", "\xef\xbf\xb9", true },
	{ "6.23.2", "\xef\xbf\xba", true },
	{ "6.23.3", "\xef\xbf\xbb", true },
	{ "6.23.4", "\xef\xbf\xbc", true },
	{ "6.23.5", "\xef\xbf\xbd", true },
	{ "6.23.6", "\xef\xbf\xbe", true },
	{ "6.23.7", "\xef\xbf\xbf", true },
};

/* --- running --- */

static const char *now_running = "";

static const void *payload_of(const struct f *f, uint8_t **ret_free)
{
	*ret_free = NULL;
	if (f->payload || !f->size)
		return f->payload ? f->payload : "";
	*ret_free = malloc(f->size);
	memset(*ret_free, '*', f->size);
	return *ret_free;
}

static void new_echo(struct ws_end *end, bool is_server)
{
	nw_protocol_options_t options = nw_ws_create_options(nw_ws_version_13);

	nw_ws_options_set_auto_reply_ping(options, true);
	ws_end_init_open(end, is_server, options);
}

/* The program: whatever comes whole goes back. */
static void echo(struct ws_end *end)
{
	struct ws_message m;

	while (ws_end_next(end, &m)) {
		if (m.opcode == 1 || m.opcode == 2)
			assert_int_equal(ws_end_put(end, m.opcode, m.bytes, m.size), 0);
		free(m.bytes);
	}
}

static int feed(struct ws_end *end, const uint8_t *bytes, size_t size, size_t chunk)
{
	int r = 0;

	if (!chunk)
		chunk = size;
	for (size_t at = 0; !r && at < size; at += chunk) {
		r = ws_end_rx(end, bytes + at, chunk < size - at ? chunk : size - at, 0);
		echo(end);
	}
	return r;
}

static void expect_frame(struct ws_end *end, unsigned first, const void *payload, size_t size)
{
	struct bri_ws_frame frame;
	uint8_t *got;

	if (!ws_end_next_frame(end, &frame, &got))
		fail_msg("%s: a frame is missing", now_running);
	if ((frame.fin ? WS_FIN : 0) + frame.opcode != first || frame.size != size ||
		memcmp(got, payload, size) != 0)
		fail_msg("%s: opcode %u, %llu bytes, not %u, %zu", now_running, frame.opcode,
			(unsigned long long)frame.size, first & 15, size);
	ws_end_drop_frame(end, &frame, got);
}

static void expect_close(struct ws_end *end, unsigned code)
{
	uint8_t wire[2] = { (uint8_t)(code >> 8), (uint8_t)code };
	struct bri_ws_frame frame;
	uint8_t *got;

	expect_frame(end, C, wire, code == NO_CODE ? 0 : 2);
	if (ws_end_next_frame(end, &frame, &got))
		fail_msg("%s: something behind the close frame", now_running);
}

static void run_case(const struct test_case *t, bool is_server, size_t chunk)
{
	struct ws_end end;
	uint8_t *bytes, *tofree;
	int r = 0;

	now_running = t->name;
	new_echo(&end, is_server);
	for (const struct f *f = t->sent; !r && f->first != 0xffff; f++) {
		const void *payload = payload_of(f, &tofree);

		bytes = malloc(f->size + 16);
		r = feed(
			&end, bytes, ws_frame(bytes, is_server, f->first, payload, f->size), chunk);
		free(bytes);
		free(tofree);
	}
	assert_int_equal(r < 0, t->fails);
	for (const struct f *f = t->answered; f->first && f->first != 0xffff; f++) {
		expect_frame(&end, f->first, payload_of(f, &tofree), f->size);
		free(tofree);
	}
	if (t->close == OPEN) {
		uint8_t frame[16];
		struct bri_ws_frame none;

		assert_false(ws_end_next_frame(&end, &none, &bytes));
		assert_int_equal(
			feed(&end, frame, ws_frame(frame, is_server, C, "\x03\xe8", 2), chunk), 0);
	}
	expect_close(&end, t->close == OPEN ? 1000 : t->close);
	assert_int_equal(end.chain->failing, t->fails);
	if (t->fails)
		assert_int_equal(end.chain->error.code, EPROTO);
	else /* the server ends TCP */
		assert_int_equal(end.out_ended, is_server);
	ws_end_fini(&end);
}

static void both_roles(const struct test_case *t)
{
	static const size_t chunks[] = { 0, 1, 7, 997 };

	for (size_t i = 0; i < BRI_LEN(chunks); i++) {
		run_case(t, true, chunks[i]);
		run_case(t, false, chunks[i]);
	}
}

static void framing_pings_fragments_and_closing(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(framing); i++)
		both_roles(&framing[i]);
}

static void run_text(
	const char *name, const char *text, size_t size, bool valid, bool is_server, size_t split)
{
	struct test_case t = { .name = name, .close = valid ? OPEN : 1007, .fails = !valid };

	t.sent[0] = (struct f) { split ? TF : T, text, split ? split : size };
	t.sent[1] = (struct f) { 0xffff, NULL, 0 };
	if (split) {
		t.sent[1] = (struct f) { CE, text + split, size - split };
		t.sent[2] = (struct f) { 0xffff, NULL, 0 };
	}
	if (valid)
		t.answered[0] = (struct f) { T, text, size };
	t.answered[1] = (struct f) { 0xffff, NULL, 0 };
	run_case(&t, is_server, 0);
	run_case(&t, is_server, 1);
}

/* whole, and cut at each place */
static void run_texts(const char *name, const char *text, size_t size, bool valid)
{
	for (size_t split = 0; split < size; split++) {
		run_text(name, text, size, valid, true, split);
		run_text(name, text, size, valid, false, split);
	}
}

static void texts_are_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(texts); i++)
		run_texts(texts[i].name, texts[i].text, strlen(texts[i].text), texts[i].valid);
}

static void nul_is_a_character(void **state)
{
	(void)state;
	run_texts("6.7.1", "\0", 1, true);
}

static void noncharacters_are_characters(void **state)
{
	char text[4];

	(void)state;
	/* U+nFFFE and U+nFFFF of the planes above the first */
	for (unsigned plane = 1; plane <= 16; plane++) {
		for (unsigned low = 0xfffe; low <= 0xffff; low++) {
			unsigned c = plane << 16 | low;

			text[0] = (char)(0xf0 | c >> 18);
			text[1] = (char)(0x80 | (c >> 12 & 63));
			text[2] = (char)(0x80 | (c >> 6 & 63));
			text[3] = (char)(0x80 | (c & 63));
			run_texts("6.22", text, 4, true);
		}
	}
}

/* --- 7.7, 7.9, 7.13 --- */

static void run_close_code(unsigned code, bool valid)
{
	const char wire[2] = { (char)(code >> 8), (char)code };
	struct test_case t = { "7.7 7.9 7.13", { { C, wire, 2 }, LAST }, { LAST },
		valid ? code : 1002, !valid };

	both_roles(&t);
}

static void close_codes(void **state)
{
	static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000,
		3999, 4000, 4999 };
	static const unsigned bad[] = { 0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000,
		65535 };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(good); i++)
		run_close_code(good[i], true);
	for (size_t i = 0; i < BRI_LEN(bad); i++)
		run_close_code(bad[i], false);
}

/* --- section 9 and 10: size --- */

static uint8_t *wire;
static size_t wire_size, wire_room;

static void add_message(
	bool masked, unsigned opcode, const uint8_t *bytes, size_t size, size_t part)
{
	size_t at = 0;

	do {
		size_t n = part < size - at ? part : size - at;
		unsigned first = (at ? 0 : opcode) | (at + n == size ? WS_FIN : 0);

		while (wire_room < wire_size + n + 16) {
			wire_room = wire_room ? wire_room * 2 : 4096;
			wire = realloc(wire, wire_room);
		}
		wire_size += ws_frame(wire + wire_size, masked, first, bytes + at, n);
		at += n;
	} while (at < size);
}

/* One message of this size in fragments of `part`, the bytes in pieces of `chunk`. */
static void run_size(const char *name, unsigned opcode, size_t size, size_t part, size_t chunk)
{
	uint8_t *bytes = malloc(size + 1);

	now_running = name;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)('a' + i % 23);
	for (int is_server = 0; is_server < 2; is_server++) {
		struct ws_end end;

		wire_size = 0;
		add_message(is_server, opcode, bytes, size, part);
		new_echo(&end, is_server);
		assert_int_equal(ws_end_rx(&end, wire, wire_size, chunk), 0);
		echo(&end);
		expect_frame(&end, WS_FIN | opcode, bytes, size);
		ws_end_fini(&end);
	}
	free(bytes);
	free(wire);
	wire = NULL;
	wire_room = 0;
}

#define KB ((size_t)1024)
#define MB (KB * 1024)

static void large_messages(void **state)
{
	static const size_t sizes[] = { 64 * KB, 256 * KB, MB, 4 * MB, 8 * MB, 16 * MB };
	static const size_t parts[] = { 64, 256, KB, 4 * KB, 16 * KB, 64 * KB, 256 * KB, MB,
		4 * MB };
	static const size_t chunks[] = { 64, 128, 256, 512, KB, 2 * KB };

	(void)state;
	for (unsigned opcode = 1; opcode <= 2; opcode++) {
		for (size_t i = 0; i < BRI_LEN(sizes); i++)
			run_size("9.1 9.2", opcode, sizes[i], sizes[i], 64 * KB);
		for (size_t i = 0; i < BRI_LEN(parts); i++)
			run_size("9.3 9.4", opcode, 4 * MB, parts[i], 64 * KB);
		for (size_t i = 0; i < BRI_LEN(chunks); i++)
			run_size("9.5 9.6", opcode, MB, MB, chunks[i]);
	}
	run_size("10.1.1", 1, 64 * KB, 1300, 0);
}

static void many_messages(void **state)
{
	static const size_t sizes[] = { 0, 16, 64, 256, KB, 4 * KB };
	uint8_t bytes[4 * KB];

	(void)state;
	now_running = "9.7 9.8";
	memset(bytes, '*', sizeof(bytes));
	for (unsigned i = 0; i < 4 * BRI_LEN(sizes); i++) {
		unsigned opcode = 1 + i / 2 % 2;
		size_t size = sizes[i / 4];
		struct ws_end end;

		wire_size = 0;
		for (int n = 0; n < 1000; n++)
			add_message(i % 2, opcode, bytes, size, SIZE_MAX);
		new_echo(&end, i % 2);
		assert_int_equal(ws_end_rx(&end, wire, wire_size, 16 * KB), 0);
		echo(&end);
		ws_end_collect(&end);
		/* without moving the rest down a thousand times */
		for (size_t at = 0, n = 0; at < end.out_size; n++) {
			struct bri_ws_frame_reader reader = { .have = 0 };
			struct bri_ws_frame frame;
			size_t used;

			assert_int_equal(bri_ws_frame_rx(&reader, end.out + at, end.out_size - at,
						 &used, &frame),
				0);
			assert_int_equal(frame.size, size);
			assert_int_equal(frame.opcode, opcode);
			at += used + size;
			assert_true(at < end.out_size || n == 999);
		}
		ws_end_fini(&end);
	}
	free(wire);
	wire = NULL;
	wire_room = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(framing_pings_fragments_and_closing),
		cmocka_unit_test(texts_are_utf8),
		cmocka_unit_test(nul_is_a_character),
		cmocka_unit_test(noncharacters_are_characters),
		cmocka_unit_test(close_codes),
		cmocka_unit_test(large_messages),
		cmocka_unit_test(many_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
