/* A DNS server for tests: one thread, UDP and TCP on one loopback port, scripted answers. */
#include "fake_dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX   64
#define SEEN_MAX    4096
#define CONNS_MAX   16
#define MESSAGE_MAX 65535
#define UDP_MAX     512

struct seen {
	char name[64];
	int type;
};

/* An answer that waits for its delay. */
struct later {
	struct later *next;
	uint64_t due_ms;
	int tcp_fd; /* -1: UDP */
	struct sockaddr_in to;
	size_t len;
	uint8_t bytes[]; /* with two octets of length in front, for TCP */
};

struct conn {
	int fd;
	size_t have;
	uint8_t in[600];
};

struct fake_dns {
	pthread_t thread;
	pthread_mutex_t lock;
	int udp, tcp, wake;
	char servers[32];
	struct {
		const char *name;
		int type;
		struct fake_dns_rule rule;
	} rules[RULES_MAX];
	size_t n_rules;
	struct seen seen[SEEN_MAX];
	size_t n_seen;
	unsigned n_tcp;
	bool stop;
	struct conn conns[CONNS_MAX]; /* the thread's, as is `later` */
	size_t n_conns;
	struct later *later;
	uint8_t out[MESSAGE_MAX]; /* the thread's */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The question: its name as text, its type; returns its length in octets, 0: malformed. */
static size_t read_question(const uint8_t *q, size_t len, char name[256], int *type)
{
	size_t at = 0, out = 0;

	while (at < len && q[at]) {
		size_t n = q[at++];

		if (n > 63 || at + n >= len || out + n + 2 > 255)
			return 0;
		if (out)
			name[out++] = '.';
		memcpy(name + out, q + at, n);
		out += n;
		at += n;
	}
	name[out] = 0;
	if (at + 5 > len)
		return 0;
	*type = q[at + 1] << 8 | q[at + 2];
	return at + 5;
}

static struct fake_dns_rule lookup(struct fake_dns *dns, const char *name, int type, bool tcp)
{
	struct fake_dns_rule rule = { .kind = FAKE_DNS_NXDOMAIN };

	pthread_mutex_lock(&dns->lock);
	if (dns->n_seen < SEEN_MAX) {
		struct seen *seen = &dns->seen[dns->n_seen++];

		snprintf(seen->name, sizeof(seen->name), "%.63s", name);
		seen->type = type;
	}
	dns->n_tcp += tcp;
	for (size_t i = 0; i < dns->n_rules; i++)
		if (dns->rules[i].type == type && !strcasecmp(dns->rules[i].name, name))
			rule = dns->rules[i].rule;
	pthread_mutex_unlock(&dns->lock);
	return rule;
}

/* One resource record with the owner name of the question (compressed). Returns its length. */
static size_t write_record(uint8_t *p, int type, const char *address, unsigned n)
{
	uint8_t raw[16] = { 0 };
	size_t len = type == FAKE_DNS_A ? 4 : 16;
	unsigned low;

	if (inet_pton(type == FAKE_DNS_A ? AF_INET : AF_INET6, address, raw) != 1)
		abort(); /* a mistake in the test */
	low = (unsigned)(raw[len - 2] << 8 | raw[len - 1]) + n;
	put16(raw + len - 2, low & 0xffff);
	put16(p, 0xc00c);
	put16(p + 2, (unsigned)type);
	put16(p + 4, 1);
	put16(p + 6, 0);
	put16(p + 8, 60);
	put16(p + 10, (unsigned)len);
	memcpy(p + 12, raw, len);
	return 12 + len;
}

/* The answer to a query, into out (MESSAGE_MAX). Returns its length; 0: say nothing. */
static size_t compose(const struct fake_dns_rule *rule, const uint8_t *query, size_t q_len,
	int type, bool tcp, uint8_t *out)
{
	static const uint8_t rcodes[] = { [FAKE_DNS_NXDOMAIN] = 3,
		[FAKE_DNS_SERVFAIL] = 2,
		[FAKE_DNS_NOTIMP] = 4,
		[FAKE_DNS_REFUSED] = 5 };
	unsigned count = rule->count ? rule->count : 1, written = 0;
	size_t len = 12 + q_len, limit = tcp ? MESSAGE_MAX : UDP_MAX;

	memset(out, 0, 12);
	memcpy(out, query, 2);
	out[2] = 0x81;
	out[3] = (uint8_t)(0x80 | ((size_t)rule->kind < sizeof(rcodes) ? rcodes[rule->kind] : 0));
	put16(out + 4, 1);
	memcpy(out + 12, query + 12, q_len);
	switch (rule->kind) {
	case FAKE_DNS_SILENT: return 0;
	case FAKE_DNS_ADDRESSES:
	case FAKE_DNS_CUT:
	case FAKE_DNS_WRONG_ID:
		for (; written < count && len + 28 <= limit; written++)
			len += write_record(out + len, type, rule->address, written);
		if (written < count)
			out[2] |= 0x02; /* TC */
		break;
	case FAKE_DNS_OTHER_FAMILY:
		len += write_record(out + len, type == FAKE_DNS_A ? FAKE_DNS_AAAA : FAKE_DNS_A,
			rule->address, 0);
		written = 1;
		break;
	case FAKE_DNS_NOISE:
		for (unsigned i = 0; i < 200; i++)
			out[len++] = (uint8_t)(rand() >> 7);
		written = 3;
		break;
	case FAKE_DNS_LOOP:
		len += write_record(out + len, type, rule->address, 0);
		put16(out + 12 + q_len, 0xc000 | (unsigned)(12 + q_len));
		written = 1;
		break;
	case FAKE_DNS_NXDOMAIN:
	case FAKE_DNS_NODATA:
	case FAKE_DNS_SERVFAIL:
	case FAKE_DNS_NOTIMP:
	case FAKE_DNS_REFUSED: break;
	}
	put16(out + 6, written);
	return rule->kind == FAKE_DNS_CUT ? len - 5 : len;
}

static void transmit(struct fake_dns *dns, const struct later *l)
{
	if (l->tcp_fd >= 0)
		(void)!send(l->tcp_fd, l->bytes, l->len, MSG_NOSIGNAL);
	else
		(void)!sendto(dns->udp, l->bytes + 2, l->len - 2, 0,
			(const struct sockaddr *)&l->to, sizeof(l->to));
}

static void answer_later(struct fake_dns *dns, const uint8_t *bytes, size_t len, unsigned delay_ms,
	int tcp_fd, const struct sockaddr_in *to)
{
	struct later *l = malloc(sizeof(*l) + 2 + len);

	if (!l)
		abort();
	*l = (struct later) { .due_ms = now_ms() + delay_ms + 1, .tcp_fd = tcp_fd, .len = len + 2 };
	if (to)
		l->to = *to;
	put16(l->bytes, (unsigned)len);
	memcpy(l->bytes + 2, bytes, len);
	if (!delay_ms) {
		transmit(dns, l);
		free(l);
		return;
	}
	l->next = dns->later;
	dns->later = l;
}

static void on_query(struct fake_dns *dns, const uint8_t *query, size_t len, int tcp_fd,
	const struct sockaddr_in *to)
{
	uint8_t *out = dns->out;
	struct fake_dns_rule rule;
	char name[256];
	int type;
	size_t q_len, n;

	if (len < 12)
		return;
	q_len = read_question(query + 12, len - 12, name, &type);
	if (!q_len)
		return;
	rule = lookup(dns, name, type, tcp_fd >= 0);
	n = compose(&rule, query, q_len, type, tcp_fd >= 0, out);
	if (!n)
		return;
	if (rule.kind == FAKE_DNS_WRONG_ID) {
		out[0] ^= 0x55;
		out[12 + q_len + 15] ^= 1;
		answer_later(dns, out, n, rule.delay_ms, tcp_fd, to);
		out[0] ^= 0x55;
		out[12 + q_len + 15] ^= 1;
	}
	answer_later(dns, out, n, rule.delay_ms, tcp_fd, to);
}

static void drop_conn(struct fake_dns *dns, size_t i)
{
	struct later **p = &dns->later;

	while (*p) {
		struct later *l = *p;

		if (l->tcp_fd == dns->conns[i].fd) {
			*p = l->next;
			free(l);
		} else {
			p = &l->next;
		}
	}
	close(dns->conns[i].fd);
	dns->conns[i] = dns->conns[--dns->n_conns];
}

/* False: the connection has ended. */
static bool read_conn(struct fake_dns *dns, struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - c->have, MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->have += (size_t)n;
	while (c->have >= 2) {
		size_t len = (size_t)(c->in[0] << 8 | c->in[1]);

		if (len + 2 > sizeof(c->in))
			return false;
		if (c->have < len + 2)
			break;
		on_query(dns, c->in + 2, len, c->fd, NULL);
		c->have -= len + 2;
		memmove(c->in, c->in + len + 2, c->have);
	}
	return true;
}

static int send_due(struct fake_dns *dns)
{
	struct later **p = &dns->later;
	uint64_t now = now_ms(), next = now + 1000;

	while (*p) {
		struct later *l = *p;

		if (l->due_ms > now) {
			next = l->due_ms < next ? l->due_ms : next;
			p = &l->next;
			continue;
		}
		transmit(dns, l);
		*p = l->next;
		free(l);
	}
	return (int)(next - now);
}

static void accept_conn(struct fake_dns *dns)
{
	int fd = accept4(dns->tcp, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (dns->n_conns == CONNS_MAX)
		close(fd);
	else
		dns->conns[dns->n_conns++] = (struct conn) { .fd = fd };
}

static void read_udp(struct fake_dns *dns)
{
	uint8_t buf[1500];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(dns->udp, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			&from_len)) > 0)
		on_query(dns, buf, (size_t)n, -1, &from);
}

static void *serve(void *context)
{
	struct fake_dns *dns = context;
	bool stop = false;

	while (!stop) {
		struct pollfd p[3 + CONNS_MAX] = { { dns->wake, POLLIN, 0 },
			{ dns->udp, POLLIN, 0 }, { dns->tcp, POLLIN, 0 } };
		size_t n = dns->n_conns;

		for (size_t i = 0; i < n; i++)
			p[3 + i] = (struct pollfd) { dns->conns[i].fd, POLLIN, 0 };
		poll(p, 3 + n, send_due(dns));
		for (size_t i = n; i-- > 0;)
			if (p[3 + i].revents && !read_conn(dns, &dns->conns[i]))
				drop_conn(dns, i);
		if (p[1].revents)
			read_udp(dns);
		if (p[2].revents)
			accept_conn(dns);
		pthread_mutex_lock(&dns->lock);
		stop = dns->stop;
		pthread_mutex_unlock(&dns->lock);
	}
	return NULL;
}

/* UDP and TCP on one port: the first free one that both get. */
static bool open_sockets(struct fake_dns *dns)
{
	for (int tries = 0; tries < 20; tries++) {
		struct sockaddr_in a = { .sin_family = AF_INET,
			.sin_addr = { htonl(INADDR_LOOPBACK) } };
		socklen_t len = sizeof(a);

		dns->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		dns->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!bind(dns->udp, (struct sockaddr *)&a, sizeof(a)) &&
			!getsockname(dns->udp, (struct sockaddr *)&a, &len) &&
			!bind(dns->tcp, (struct sockaddr *)&a, sizeof(a)) && !listen(dns->tcp, 8)) {
			snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%u",
				ntohs(a.sin_port));
			return true;
		}
		close(dns->udp);
		close(dns->tcp);
	}
	return false;
}

struct fake_dns *fake_dns_start(void)
{
	struct fake_dns *dns = calloc(1, sizeof(*dns));

	if (!dns || !open_sockets(dns)) {
		free(dns);
		return NULL;
	}
	dns->wake = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&dns->lock, NULL);
	if (pthread_create(&dns->thread, NULL, serve, dns))
		abort();
	return dns;
}

void fake_dns_stop(struct fake_dns *dns)
{
	if (!dns)
		return;
	pthread_mutex_lock(&dns->lock);
	dns->stop = true;
	pthread_mutex_unlock(&dns->lock);
	(void)!write(dns->wake, &(uint64_t) { 1 }, sizeof(uint64_t));
	pthread_join(dns->thread, NULL);
	while (dns->n_conns)
		drop_conn(dns, 0);
	while (dns->later) {
		struct later *l = dns->later;

		dns->later = l->next;
		free(l);
	}
	close(dns->udp);
	close(dns->tcp);
	close(dns->wake);
	pthread_mutex_destroy(&dns->lock);
	free(dns);
}

const char *fake_dns_servers(const struct fake_dns *dns)
{
	return dns->servers;
}

void fake_dns_set(struct fake_dns *dns, const char *name, int type, struct fake_dns_rule rule)
{
	size_t i = 0;

	pthread_mutex_lock(&dns->lock);
	while (i < dns->n_rules && (dns->rules[i].type != type || strcmp(dns->rules[i].name, name)))
		i++;
	if (i == RULES_MAX)
		abort(); /* a mistake in the test */
	dns->rules[i].name = name;
	dns->rules[i].type = type;
	dns->rules[i].rule = rule;
	dns->n_rules += i == dns->n_rules;
	pthread_mutex_unlock(&dns->lock);
}

unsigned fake_dns_count(struct fake_dns *dns, const char *name, int type)
{
	unsigned n = 0;

	pthread_mutex_lock(&dns->lock);
	for (size_t i = 0; i < dns->n_seen; i++)
		n += (!type || dns->seen[i].type == type) &&
		     (!name || !strcasecmp(dns->seen[i].name, name));
	pthread_mutex_unlock(&dns->lock);
	return n;
}

unsigned fake_dns_count_tcp(struct fake_dns *dns)
{
	unsigned n;

	pthread_mutex_lock(&dns->lock);
	n = dns->n_tcp;
	pthread_mutex_unlock(&dns->lock);
	return n;
}
