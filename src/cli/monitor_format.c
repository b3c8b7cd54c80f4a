/* Numbers, addresses and events of `braid monitor` as people read them. Does no I/O. */
#include "cli/monitor_format.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char *const kind_names[BRI_MONITOR_KINDS] = {
	[BRI_MONITOR_OPENED] = "connection-opened",
	[BRI_MONITOR_CLOSED] = "connection-closed",
	[BRI_MONITOR_FELL_BACK] = "connection-fell-back",
	[BRI_MONITOR_ADDED] = "subflow-added",
	[BRI_MONITOR_REMOVED] = "subflow-removed",
	[BRI_MONITOR_BACKUP] = "subflow-backup",
	[BRI_MONITOR_REGULAR] = "subflow-regular",
	[BRI_MONITOR_STALLED] = "subflow-stalled",
	[BRI_MONITOR_RECOVERED] = "subflow-recovered",
	[BRI_MONITOR_DAEMON] = "daemon",
};

static const char *const kind_words[BRI_MONITOR_KINDS] = {
	[BRI_MONITOR_OPENED] = "opened",
	[BRI_MONITOR_CLOSED] = "closed",
	[BRI_MONITOR_FELL_BACK] = "fell back to TCP",
	[BRI_MONITOR_ADDED] = "joined",
	[BRI_MONITOR_REMOVED] = "gone",
	[BRI_MONITOR_BACKUP] = "is backup now",
	[BRI_MONITOR_REGULAR] = "is in use again",
	[BRI_MONITOR_STALLED] = "does not answer",
	[BRI_MONITOR_RECOVERED] = "answers again",
	[BRI_MONITOR_DAEMON] = "braidd:",
};

const char *bri_monitor_kind_name(enum bri_monitor_kind kind)
{
	return kind < BRI_MONITOR_KINDS ? kind_names[kind] : "unknown";
}

/* Three digits that matter, and a unit: "980", "1.2k", "98.1M", "124M". */
static void scaled(uint64_t value, const char *gap, char *ret, size_t size)
{
	static const char units[] = "kMGTPE";
	uint64_t unit = 1, tenths;
	size_t i = 0;

	while (i < sizeof(units) - 1 && value / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	if (i == 0) {
		snprintf(ret, size, "%" PRIu64 "%s", value, gap);
		return;
	}
	tenths = value / (unit / 10);
	if (tenths < 1000)
		snprintf(ret, size, "%" PRIu64 ".%" PRIu64 "%s%c", tenths / 10, tenths % 10, gap,
			units[i - 1]);
	else
		snprintf(ret, size, "%" PRIu64 "%s%c", tenths / 10, gap, units[i - 1]);
}

static uint64_t bits(uint64_t bytes)
{
	return bytes > UINT64_MAX / 8 ? UINT64_MAX : bytes * 8;
}

void bri_monitor_bits(uint64_t bytes_per_s, char ret[static BRI_MONITOR_NUMBER_SIZE])
{
	scaled(bits(bytes_per_s), "", ret, BRI_MONITOR_NUMBER_SIZE);
}

void bri_monitor_bit_rate(uint64_t bytes_per_s, char ret[static BRI_MONITOR_NUMBER_SIZE])
{
	char number[BRI_MONITOR_NUMBER_SIZE - 5];

	scaled(bits(bytes_per_s), " ", number, sizeof(number));
	snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%sbit/s", number);
}

void bri_monitor_bytes(uint64_t bytes, char ret[static BRI_MONITOR_NUMBER_SIZE])
{
	char number[BRI_MONITOR_NUMBER_SIZE - 1];

	scaled(bytes, " ", number, sizeof(number));
	snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%sB", number);
}

void bri_monitor_rtt(uint32_t us, char ret[static BRI_MONITOR_NUMBER_SIZE])
{
	if (us == 0)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "-");
	else if (us < 1000)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%uus", us);
	else if (us < 100000)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%u.%ums", us / 1000, us % 1000 / 100);
	else if (us < 1000000)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%ums", us / 1000);
	else
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%u.%us", us / 1000000,
			us % 1000000 / 100000);
}

void bri_monitor_age(uint64_t ns, char ret[static BRI_MONITOR_NUMBER_SIZE])
{
	uint64_t s = ns / BRI_NS_PER_S, m = s / 60, h = m / 60;

	if (s < 60)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%" PRIu64 "s", s);
	else if (h == 0)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%" PRIu64 "m%02" PRIu64 "s", m, s % 60);
	else if (h < 48)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "%" PRIu64 "h%02" PRIu64 "m", h, m % 60);
	else
		snprintf(
			ret, BRI_MONITOR_NUMBER_SIZE, "%" PRIu64 "d%02" PRIu64 "h", h / 24, h % 24);
}

void bri_monitor_clock(uint64_t wall_ns, char ret[static BRI_MONITOR_NUMBER_SIZE])
{
	time_t seconds = (time_t)(wall_ns / BRI_NS_PER_S);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || strftime(ret, BRI_MONITOR_NUMBER_SIZE, "%T", &tm) == 0)
		snprintf(ret, BRI_MONITOR_NUMBER_SIZE, "--:--:--");
}

static void host_text(const struct bri_monitor_addr *addr, char *ret, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (addr->ip.family == 0 || !inet_ntop(addr->ip.family, addr->ip.bytes, text, sizeof(text)))
		snprintf(ret, size, "?");
	else if (addr->scope)
		snprintf(ret, size, "%s%%%u", text, addr->scope);
	else
		snprintf(ret, size, "%s", text);
}

static void with_port(const char *host, const struct bri_monitor_addr *addr,
	char ret[static BRI_MONITOR_ADDR_SIZE])
{
	const char *open = addr->ip.family == AF_INET6 ? "[" : "";
	const char *close = addr->ip.family == AF_INET6 ? "]" : "";

	if (addr->port == 0)
		snprintf(ret, BRI_MONITOR_ADDR_SIZE, "%s", host);
	else
		snprintf(ret, BRI_MONITOR_ADDR_SIZE, "%s%s%s:%u", open, host, close, addr->port);
}

void bri_monitor_addr(const struct bri_monitor_addr *addr, char ret[static BRI_MONITOR_ADDR_SIZE])
{
	char host[BRI_MONITOR_ADDR_SIZE - 16];

	host_text(addr, host, sizeof(host));
	with_port(host, addr, ret);
}

void bri_monitor_addr_short(
	const struct bri_monitor_addr *addr, size_t max, char ret[static BRI_MONITOR_ADDR_SIZE])
{
	char host[BRI_MONITOR_ADDR_SIZE - 16], cut[sizeof(host) + 4];
	size_t length, n, tail;

	if (max < 8)
		max = 8;
	host_text(addr, host, sizeof(host));
	with_port(host, addr, ret);
	length = strlen(ret);
	if (length <= max)
		return;
	/* the network in front and the last group behind tell hosts apart, the middle does not */
	n = strlen(host);
	tail = addr->ip.family == AF_INET6 ? 5 : 0;
	if (n > length - max + 2 + tail + 4) {
		snprintf(cut, sizeof(cut), "%.*s..%s", (int)(n - (length - max) - 2 - tail), host,
			host + n - tail);
		with_port(cut, addr, ret);
		length = strlen(ret);
	}
	if (length > max)
		memcpy(ret + max - 2, "..", 3);
}

const char *bri_monitor_tcp_state(uint8_t state)
{
	static const char *const names[] = { "unknown", "established", "syn-sent", "syn-received",
		"fin-wait-1", "fin-wait-2", "time-wait", "closed", "close-wait", "last-ack",
		"listen", "closing", "syn-received" };

	return state < BRI_LEN(names) ? names[state] : names[0];
}

const char *bri_monitor_path_word(const struct bri_monitor_path *path)
{
	switch (path->now.state) {
	case 1: break;
	case 2:
	case 3:
	case 12: return "opening";
	case 7: return "closed";
	default: return "closing";
	}
	if (path->stalled)
		return "silent";
	if (path->now.backup_local || path->now.backup_remote)
		return "backup";
	return "active";
}

void bri_monitor_put_program(struct bri_line *line, const char *program, int32_t pid)
{
	bri_line_put(line, *program ? program : "?");
	if (pid > 0)
		bri_line_putf(line, "[%d]", pid);
}

static void put_totals(struct bri_line *line, const struct bri_monitor_event *event)
{
	char tx[BRI_MONITOR_NUMBER_SIZE], rx[BRI_MONITOR_NUMBER_SIZE];

	bri_monitor_bytes(event->tx_bytes, tx);
	bri_monitor_bytes(event->rx_bytes, rx);
	bri_line_putf(line, ", sent %s, received %s", tx, rx);
}

void bri_monitor_put_event(struct bri_line *line, const struct bri_monitor_event *event)
{
	char local[BRI_MONITOR_ADDR_SIZE], remote[BRI_MONITOR_ADDR_SIZE];

	if (event->kind == BRI_MONITOR_DAEMON) {
		bri_line_putf(line, "braidd: %s", event->text);
		if (!*event->program)
			return;
		bri_line_put(line, ", ");
		bri_monitor_put_program(line, event->program, event->pid);
		return;
	}
	bri_monitor_addr(&event->local, local);
	bri_monitor_addr(&event->remote, remote);
	bri_monitor_put_program(line, event->program, event->pid);
	switch (event->kind) {
	case BRI_MONITOR_OPENED:
	case BRI_MONITOR_CLOSED:
	case BRI_MONITOR_FELL_BACK:
		bri_line_putf(line, " %s: %s > %s", kind_words[event->kind], local, remote);
		break;
	default:
		bri_line_put(line, ": ");
		bri_line_put(line, *event->interface ? event->interface : "subflow");
		bri_line_putf(line, " %s: %s > %s", kind_words[event->kind], local, remote);
	}
	if (event->kind == BRI_MONITOR_CLOSED || event->kind == BRI_MONITOR_REMOVED)
		put_totals(line, event);
}
