/*
 * Bytes in and out of an established connection. A received byte goes: bri_connection_on_ready()
 * (the loop saw the socket) -> bri_connection_run() -> receive_some() -> bri_connection_complete()
 * -> deliver() in connection_events.c, all in one turn of the queue, without a copy or a lock.
 * Knows nothing of states, but that it is `ready`.
 */
#include "api/connection.h"
#include "api/content_context.h"
#include "api/ip_options.h"
#include "base/clock.h"
#include "transport/late_write.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define RECEIVE_ROOM                                                                               \
	(64u * 1024u) /* at least this much is offered to the kernel, unless less is wanted */
#define SEND_BYTES_ENOUGH (64u * 1024u) /* no further request joins a write of this size */
#define SEND_IOV_MAX      64
#define FLATTEN_MAX                                                                                \
	(1024u * 1024u) /* deliveries up to this size are made contiguous: programs expect it */
#define DATAGRAM_MAX 65536u

/* --- receiving: streams --- */

void bri_connection_append(nw_connection_t c, struct dispatch_data_s *data)
{
	struct dispatch_data_s *whole;

	if (!c->partial) {
		c->partial = data;
		return;
	}
	whole = bri_data_concat(c->partial, data);
	bri_object_release(c->partial);
	bri_object_release(data);
	c->partial = whole;
}

/* One read of at most `want` bytes. Sets readable, end_seen. Returns 0 or the errno that ended it.
 */
static int read_stream(nw_connection_t c, size_t want)
{
	uint8_t *ptr;
	size_t room;
	ssize_t n;

	if (bri_chunk_get_scratch(bri_min_size(want, RECEIVE_ROOM), &ptr, &room) < 0)
		return ENOMEM;
	room = bri_min_size(room, want);
	n = bri_sock_read(c->sock.fd, ptr, room);
	if (n < 0) {
		c->readable = false;
		return n == -EAGAIN ? 0 : (int)-n;
	}
	if (n == 0) {
		c->end_seen = true;
		return 0;
	}
	/* a short count: the socket is empty, and the next byte is a new edge; but an end that was
	 * seen together with these bytes is told no second time */
	if ((size_t)n < room && !c->hangup)
		c->readable = false;
	bri_connection_count(&c->bytes_in, (uint64_t)n);
	bri_connection_append(c, bri_chunk_commit(ptr, (size_t)n));
	return 0;
}

/* Careless programs look at the first region only, so there is just one where that is cheap. */
static struct dispatch_data_s *flatten(struct dispatch_data_s *data)
{
	struct iovec iov[2];
	size_t bytes;
	dispatch_data_t flat;

	if (bri_data_size(data) > FLATTEN_MAX || bri_data_iov(data, 0, iov, 2, &bytes) < 2)
		return data;
	flat = dispatch_data_create_map(data, NULL, NULL);
	bri_object_release(data);
	return flat;
}

void bri_connection_finish_receive(nw_connection_t c, struct dispatch_data_s *content,
	nw_content_context_t context, bool complete, int errno_code)
{
	struct bri_request *request = bri_requests_take(&c->receives);

	request->content = content;
	request->context = context;
	request->complete = complete;
	bri_connection_complete(
		c, request, errno_code ? bri_error_new(nw_error_domain_posix, errno_code) : NULL);
}

struct dispatch_data_s *bri_connection_take(nw_connection_t c, size_t most)
{
	struct dispatch_data_s *all = c->partial, *first;
	size_t size = all ? bri_data_size(all) : 0;

	c->partial = NULL;
	if (size <= most)
		return all;
	first = bri_data_subrange(all, 0, most);
	c->partial = bri_data_subrange(all, most, size - most);
	bri_object_release(all);
	return first;
}

void bri_connection_end_message(nw_connection_t c)
{
	c->in_datagram = c->message_ended = false;
	bri_object_put(c->datagram_context);
	c->datagram_context = NULL;
}

static bool receive_stream(nw_connection_t c)
{
	struct bri_request *request = c->receives.head;
	size_t have = c->partial ? bri_data_size(c->partial) : 0;
	size_t need = bri_connection_receive_least(request);
	size_t most = bri_connection_receive_most(request);
	struct dispatch_data_s *content;
	int error;

	while (c->chain && have < need && !c->end_seen && bri_connection_fill_from_chain(c))
		have = c->partial ? bri_data_size(c->partial) : 0;
	while (!c->chain && have < need && c->readable && !c->end_seen) {
		error = read_stream(c, most - have);
		if (error) {
			bri_connection_lost(c, error);
			return true;
		}
		have = c->partial ? bri_data_size(c->partial) : 0;
	}
	if (have < need && !c->end_seen)
		return false;
	if (have == 0 && c->end_told) {
		bri_connection_finish_receive(c, NULL, NULL, false, ENODATA);
		return true;
	}
	content = bri_connection_take(c, most);
	if (c->partial) { /* a layer gives what it has */
		bri_connection_finish_receive(
			c, flatten(content), _nw_content_context_default_stream, false, 0);
		return true;
	}
	if (c->end_seen)
		c->end_told = true;
	else if (request->message) {
		bri_connection_finish_receive(c, content, NULL, false, EMSGSIZE);
		return true;
	}
	bri_connection_finish_receive(c, content ? flatten(content) : NULL,
		_nw_content_context_default_stream, c->end_seen, 0);
	return true;
}

/* --- receiving: datagrams --- */

void bri_connection_finish_message(nw_connection_t c, struct dispatch_data_s *content,
	bool complete, bool ended, int errno_code)
{
	nw_content_context_t context = c->datagram_context;

	bri_connection_finish_receive(
		c, content, ended ? context : bri_object_get(context), complete, errno_code);
	if (ended) {
		c->datagram_context = NULL; /* the receive has it */
		bri_connection_end_message(c);
	}
}

static void set_datagram(
	nw_connection_t c, struct dispatch_data_s *data, const struct bri_sock_datagram *info)
{
	nw_protocol_metadata_t ip = bri_ip_metadata_new(
		(nw_ip_ecn_flag_t)info->ecn, nw_service_class_best_effort, info->receive_time_ns);

	c->partial = data;
	c->in_datagram = true;
	c->datagram_context = bri_object_own(bri_content_context_new("datagram", ip));
	if (data)
		bri_connection_count(&c->bytes_in, bri_data_size(data));
}

/* True: c->partial is the next datagram. False: none; *ret_error is why, 0 or errno. */
static bool next_datagram(nw_connection_t c, int *ret_error)
{
	struct bri_sock_datagram info;
	uint8_t *ptr;
	size_t room;
	ssize_t n;

	*ret_error = 0;
	if (c->flow) {
		struct bri_hub_datagram datagram;

		c->readable = bri_hub_flow_take(c->flow, &datagram);
		if (c->readable)
			set_datagram(c, datagram.data, &datagram.info);
		return c->readable;
	}
	if (bri_chunk_get_scratch(DATAGRAM_MAX, &ptr, &room) < 0)
		return false;
	n = bri_sock_receive_datagram(c->sock.fd, ptr, room, &info);
	if (n < 0) {
		if (n == -EAGAIN)
			c->readable = false;
		else
			*ret_error = (int)-n;
		return false;
	}
	set_datagram(c, n ? bri_chunk_commit(ptr, (size_t)n) : NULL, &info);
	return true;
}

static bool receive_datagram(nw_connection_t c)
{
	struct dispatch_data_s *content;
	int error = 0;

	if (!c->in_datagram && (!c->readable || !next_datagram(c, &error))) {
		if (error) /* ICMP: nobody listens there. The connection stays */
			bri_connection_finish_receive(c, NULL, NULL, false, error);
		return error;
	}
	content = bri_connection_take(c, bri_connection_receive_most(c->receives.head));
	bri_connection_finish_message(c, content, !c->partial, !c->partial, 0);
	return true;
}

bool bri_connection_receive_some(nw_connection_t c)
{
	if (!c->receives.head || c->life != BRI_LIFE_READY)
		return false;
	if (c->chain && bri_chain_has_messages(c->chain))
		return bri_connection_receive_message_of_chain(c);
	return c->is_udp ? receive_datagram(c) : receive_stream(c);
}

/* --- sending --- */

/* api-status: partial nw_content_context_set_antecedent: contents leave in the order of the calls,
 * so an antecedent that was sent before is honoured; one that was not is not waited for */

void bri_connection_finish_send(nw_connection_t c, int errno_code)
{
	struct bri_request *request = bri_requests_take(&c->sends);

	/* now: the content may be large, and its owner waits for it */
	bri_object_release(request->content);
	request->content = NULL;
	if (request->idempotent && !request->call.destroy)
		bri_request_free(request);
	else
		bri_connection_complete(c, request,
			errno_code ? bri_error_new(nw_error_domain_posix, errno_code) : NULL);
}

bool bri_connection_send_is_final(const struct bri_request *request)
{
	return request->complete && request->context->is_final;
}

bool bri_connection_send_is_expired(const struct bri_request *request)
{
	return request->expires_ns && !request->offset && bri_clock_now_ns() >= request->expires_ns;
}

/* What of the requests goes into one sendmsg: regions up to the first FIN, or the first that is to
 * be dropped. */
static size_t gather(nw_connection_t c, struct iovec iov[static SEND_IOV_MAX], size_t *ret_bytes,
	bool *ret_foreign)
{
	size_t count = 0, bytes;

	*ret_bytes = 0;
	*ret_foreign = false;
	for (struct bri_request *r = c->sends.head;
		r && count < SEND_IOV_MAX && *ret_bytes < SEND_BYTES_ENOUGH; r = r->next) {
		if (r != c->sends.head && bri_connection_send_is_expired(r))
			break;
		if (r->content) {
			count += bri_data_iov(
				r->content, r->offset, iov + count, SEND_IOV_MAX - count, &bytes);
			*ret_bytes += bytes;
			*ret_foreign |= bri_data_is_foreign(r->content);
		}
		if (bri_connection_send_is_final(r))
			break;
	}
	return count;
}

/* Requests whose last byte was written complete; a final one closes our direction. */
static void account(nw_connection_t c, size_t written)
{
	struct bri_request *request;

	while ((request = c->sends.head) && !c->fin_sent) {
		size_t left =
			(request->content ? bri_data_size(request->content) : 0) - request->offset;

		if (written < left) {
			request->offset += written;
			return;
		}
		written -= left;
		if (bri_connection_send_is_final(request)) {
			bri_sock_finish(c->sock.fd);
			c->fin_sent = true;
		}
		bri_connection_finish_send(c, 0);
	}
}

static bool drop_expired(nw_connection_t c)
{
	if (!bri_connection_send_is_expired(c->sends.head))
		return false;
	bri_connection_finish_send(c, ETIMEDOUT);
	return true;
}

static void wrote(nw_connection_t c, ssize_t n)
{
	if (n > 0)
		bri_connection_count(&c->bytes_out, (uint64_t)n);
	account(c, n > 0 ? (size_t)n : 0);
}

/* What did not fit is asked for again, and told of by an edge after that: one may have come since
 * it was written. Returns 0 or -errno. */
static int end_late(nw_connection_t c)
{
	ssize_t n = bri_late_write_end(c->late);

	wrote(c, n);
	return n < 0 && n != -EAGAIN ? (int)n : 0;
}

static void on_late(void *context)
{
	nw_connection_t c = context;
	int error = bri_late_write_is_open(c->late) ? end_late(c) : 0;

	if (error)
		bri_connection_lost(c, -error);
	bri_connection_run(c);
}

void bri_connection_settle_sends(nw_connection_t c)
{
	if (c->chain)
		bri_connection_settle_chain(c);
	else if (bri_late_write_is_open(c->late))
		end_late(c);
}

static bool send_stream(nw_connection_t c)
{
	struct iovec iov[SEND_IOV_MAX];
	struct bri_request *first = c->sends.head;
	size_t bytes, count;
	bool foreign;
	ssize_t n = 0;

	if (c->fin_sent) {
		bri_connection_finish_send(c, EPIPE);
		return true;
	}
	if (!c->writable || bri_late_write_is_open(c->late))
		return false;
	if (drop_expired(c))
		return true;
	count = gather(c, iov, &bytes, &foreign);
	/* memory that is the application's may be used again once its handler returns */
	if (bytes && !foreign &&
		bri_late_write_post(&c->late, atomic_load_explicit(&c->queue, memory_order_relaxed),
			c->sock.fd, iov, count, c, on_late))
		return false;
	if (bytes) {
		n = bri_sock_write(c->sock.fd, iov, count);
		if (n < 0 && n != -EAGAIN) {
			bri_connection_lost(c, (int)-n);
			return true;
		}
		if (n < (ssize_t)bytes) /* full: the next room is a new edge */
			c->writable = false;
	}
	wrote(c, n);
	/* the same first request, all of it taken that was offered: it has more regions than one
	 * call takes */
	return c->sends.head != first || (n > 0 && c->writable);
}

/* ECN that the content's IP metadata asks for; -1: the socket's own. */
static int wanted_ecn(const struct bri_request *request)
{
	nw_protocol_metadata_t ip =
		bri_content_context_metadata(request->context, &bri_protocol_ip);

	return ip ? (int)((struct bri_ip_metadata *)ip)->ecn : -1;
}

static bool send_datagram(nw_connection_t c)
{
	struct iovec iov[SEND_IOV_MAX];
	struct bri_request *request = c->sends.head;
	struct dispatch_data_s *content = request->content;
	size_t bytes = 0, count = 0;
	ssize_t n;
	int ecn;

	if (!c->writable)
		return false;
	if (drop_expired(c))
		return true;
	/* parts of one message are one datagram: they wait for the last one */
	for (struct bri_request *r = request; !r->complete; r = r->next) {
		if (!r->next)
			return false;
	}
	if (!request->complete) {
		struct bri_request *next = request->next;

		content = bri_data_concat(request->content, next->content);
		bri_object_release(next->content);
		next->content = content;
		bri_connection_finish_send(c, 0);
		return true;
	}
	/* the end of a program's input: a datagram flow has no end to tell of, and no datagram is
	 * invented */
	if (!content && bri_connection_send_is_final(request)) {
		bri_connection_finish_send(c, 0);
		return true;
	}
	if (content && bri_data_size(content)) {
		count = bri_data_iov(content, 0, iov, SEND_IOV_MAX, &bytes);
		if (bytes < bri_data_size(content)) { /* more regions than one sendmsg takes */
			const void *flat;

			content = dispatch_data_create_map(content, &flat, &bytes);
			bri_object_release(request->content);
			request->content = content;
			iov[0] = (struct iovec) { (void *)(uintptr_t)flat, bytes };
			count = 1;
		}
	}
	ecn = wanted_ecn(request);
	n = c->flow ? bri_hub_flow_send(c->flow, iov, count, ecn)
		    : bri_sock_send_datagram(
			      c->sock.fd, iov, count, ecn < 0 ? NULL : &c->remote, NULL, ecn);
	if (n == -EAGAIN) {
		c->writable = false; /* the next room is a new edge, or the hub tells of it */
		return false;
	}
	if (n > 0)
		bri_connection_count(&c->bytes_out, (uint64_t)n);
	bri_connection_finish_send(c, n < 0 ? (int)-n : 0);
	return true;
}

bool bri_connection_send_some(nw_connection_t c)
{
	if (!c->sends.head || c->life != BRI_LIFE_READY || c->batching)
		return false;
	if (c->chain)
		return bri_connection_send_to_chain(c);
	return c->is_udp ? send_datagram(c) : send_stream(c);
}

/* --- wake-ups --- */

/*
 * An error of the transport that no receive is there to see: programs that watch the state only
 * hear of it, unless content waits to be received before it. EPIPE is the reset of a stream whose
 * end came first: receives see that end, sends the error.
 */
static void notice_error(nw_connection_t c)
{
	uint32_t unread = 0;
	int error;

	if (c->is_udp || c->receives.head || bri_sock_unread(c->sock.fd, &unread) < 0 || unread)
		return;
	error = -bri_sock_error(c->sock.fd);
	if (error && error != EPIPE)
		bri_connection_lost(c, error);
}

/* The connection holds itself while it has a watch; bri_connection_run() may end that: c is not
 * touched after it. */
void bri_connection_on_ready(void *connection, uint32_t events)
{
	nw_connection_t c = connection;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->hangup = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		c->writable = true;
	if (c->chain)
		bri_chain_on_ready(c->chain, events);
	else if (events & EPOLLERR)
		notice_error(c);
	bri_connection_run(c);
}

void bri_connection_on_datagram(void *connection)
{
	nw_connection_t c = connection;

	c->readable = c->writable = true;
	if (c->chain)
		bri_chain_on_ready(c->chain, EPOLLIN | EPOLLOUT);
	bri_connection_run(c);
}
