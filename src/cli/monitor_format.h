/*
 * Text for `braid monitor`: lines of a given width, numbers and addresses as people read them.
 * Strings that come from programs are hostile: what could move the cursor, colour the terminal or
 * reorder the line never gets through. Pure, but for wcwidth(3), which asks the locale.
 */
#ifndef BRI_CLI_MONITOR_FORMAT_H
#define BRI_CLI_MONITOR_FORMAT_H

#include <stdio.h>
#include "cli/monitor.h"

/* A line under construction in the caller's memory; always terminated, never wider than `width`. */
struct bri_line {
	char *text;
	size_t size, used;
	unsigned width, columns; /* terminal columns: allowed, and used so far */
	bool unicode, colour;
};

#define BRI_LINE_BYTES(width) ((size_t)(width)*4 + 256) /* UTF-8, and the colours of one line */

void bri_line_init(
	struct bri_line *line, char *text, size_t size, unsigned width, bool unicode, bool colour);
/* bri_line_put(): what fits of it. Bytes that are no harmless character become '?'. */
void bri_line_put(struct bri_line *line, const char *text);
void bri_line_putf(struct bri_line *line, const char *fmt, ...) BRI_PRINTF(2, 3);
/* bri_line_pad(): spaces up to this column; nothing when it is further already. */
void bri_line_pad(struct bri_line *line, unsigned column);
/* bri_line_right(): so that it ends before `end`; at least one space before it if anything is. */
void bri_line_right(struct bri_line *line, unsigned end, const char *text);
/* bri_line_style(): an SGR parameter, "1" bold, "0" none. Takes no column; nothing without colour.
 */
void bri_line_style(struct bri_line *line, const char *sgr);
/* bri_line_spark(): one character for each value, the oldest first; `max` is the highest bar. */
void bri_line_spark(struct bri_line *line, const uint32_t *values, size_t n, uint32_t max);

#define BRI_MONITOR_NUMBER_SIZE 24
/* bri_monitor_bits(): "0", "980", "1.2k", "98.1M", "1.2G" of a rate in bytes a second, as bits. */
void bri_monitor_bits(uint64_t bytes_per_s, char ret[static BRI_MONITOR_NUMBER_SIZE]);
/* bri_monitor_bit_rate(): the same with its unit: "98.1 Mbit/s". */
void bri_monitor_bit_rate(uint64_t bytes_per_s, char ret[static BRI_MONITOR_NUMBER_SIZE]);
/* bri_monitor_bytes(): the same of an amount: "980 B", "1.2 MB". */
void bri_monitor_bytes(uint64_t bytes, char ret[static BRI_MONITOR_NUMBER_SIZE]);
/* bri_monitor_rtt(): "0.3ms", "20.1ms", "1.2s", "-" for none. */
void bri_monitor_rtt(uint32_t us, char ret[static BRI_MONITOR_NUMBER_SIZE]);
/* bri_monitor_age(): "5s", "12m03s", "3h05m", "2d04h". */
void bri_monitor_age(uint64_t ns, char ret[static BRI_MONITOR_NUMBER_SIZE]);
/* bri_monitor_clock(): "14:03:59" in local time. */
void bri_monitor_clock(uint64_t wall_ns, char ret[static BRI_MONITOR_NUMBER_SIZE]);

#define BRI_MONITOR_ADDR_SIZE 80 /* [IPv6%scope]:port */
/* bri_monitor_addr(): "10.0.0.2:443", "[fd00::1]:443". Port 0 is left out. */
void bri_monitor_addr(const struct bri_monitor_addr *addr, char ret[static BRI_MONITOR_ADDR_SIZE]);
/* bri_monitor_addr_short(): at most `max` characters: the middle of an IPv6 address goes, then the
 * end. `max` under 8 is 8. */
void bri_monitor_addr_short(
	const struct bri_monitor_addr *addr, size_t max, char ret[static BRI_MONITOR_ADDR_SIZE]);

/* bri_monitor_tcp_state(): "established", ...; static. */
const char *bri_monitor_tcp_state(uint8_t state);
/* bri_monitor_path_word(): what matters of a subflow in one word of at most 7 letters; static. */
const char *bri_monitor_path_word(const struct bri_monitor_path *path);
/* bri_monitor_kind_name(): "connection-opened", ...: in JSON; static. */
const char *bri_monitor_kind_name(enum bri_monitor_kind kind);
/* bri_monitor_put_event(): the event without its time. */
void bri_monitor_put_event(struct bri_line *line, const struct bri_monitor_event *event);
/* bri_monitor_put_program(): "curl[4711]", "?" when not known. */
void bri_monitor_put_program(struct bri_line *line, const char *program, int32_t pid);

#endif
