/* A client of braidd: one connection, whole messages. Knows nothing of what they are for. */
#include "control/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"

const char *bri_client_path(const char *path)
{
	const char *env;

	if (path && *path)
		return path;
	env = secure_getenv(BRI_CLIENT_SOCKET_ENV);
	return env && *env ? env : BRI_CLIENT_SOCKET;
}

/* connect(2) of a Unix socket waits while the daemon's backlog is full, but poll(2) cannot tell
 * when it is not: so a blocking one, bounded by SO_SNDTIMEO. */
static int connect_within(int fd, const struct sockaddr_un *to, uint64_t deadline_ns)
{
	uint64_t now_ns = bri_clock_now_ns(), left_ns;
	struct timeval left;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (deadline_ns != 0) {
		left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : BRI_NS_PER_MS;
		left_ns = bri_min_u64(left_ns, 3600 * BRI_NS_PER_S);
		left.tv_sec = (time_t)(left_ns / BRI_NS_PER_S);
		left.tv_usec = (suseconds_t)(left_ns % BRI_NS_PER_S / BRI_NS_PER_US);
		if (left.tv_sec == 0 && left.tv_usec == 0)
			left.tv_usec = 1; /* 0 would be for ever */
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) < 0)
			return -errno;
	} else if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		return -errno;
	}
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return errno == EAGAIN && deadline_ns != 0 ? -ETIMEDOUT : -errno;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int bri_client_open(const char *path, uint64_t deadline_ns, struct bri_client *ret)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, r;

	path = bri_client_path(path);
	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect_within(fd, &to, deadline_ns);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret = (struct bri_client) { .fd = fd, .next_id = 1 };
	return 0;
}

void bri_client_close(struct bri_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
}

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now_ns, left_ms;
	int n;

	if (deadline_ns == 0)
		return -EAGAIN;
	for (;;) {
		now_ns = bri_clock_now_ns();
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		/* rounded up, so as not to spin through the last millisecond */
		left_ms = (deadline_ns - now_ns - 1) / BRI_NS_PER_MS + 1;
		n = poll(&p, 1, (int)bri_min_u64(left_ms, 60000));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int bri_client_send(struct bri_client *client, struct bri_message *message, uint64_t deadline_ns)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	int size, r;

	message->id = client->next_id;
	size = bri_message_encode(message, bytes, sizeof(bytes));
	if (size < 0)
		return size;
	for (;;) {
		if (send(client->fd, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			break;
		if (errno == EINTR)
			continue;
		if (errno == ECONNRESET || errno == ENOTCONN)
			return -EPIPE;
		if (errno != EAGAIN)
			return -errno;
		r = wait_for(client->fd, POLLOUT, deadline_ns);
		if (r < 0)
			return r;
	}
	if (++client->next_id == 0)
		client->next_id = 1;
	return 0;
}

int bri_client_receive(struct bri_client *client, uint64_t deadline_ns, struct bri_message *ret)
{
	uint8_t bytes[BRI_MESSAGE_MAX];
	bool reset = false;
	ssize_t n;
	int r;

	for (;;) {
		n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
		if (n > 0)
			return (size_t)n > sizeof(bytes)
				       ? -EBADMSG
				       : bri_message_decode(bytes, (size_t)n, ret);
		if (n == 0)
			return -EPIPE;
		if (errno == EINTR)
			continue;
		/* the daemon closed without having read all: its last words come after this error
		 */
		if (errno == ECONNRESET && !reset) {
			reset = true;
			continue;
		}
		if (errno != EAGAIN)
			return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
		r = wait_for(client->fd, POLLIN, deadline_ns);
		if (r < 0)
			return r;
	}
}

/* The next message that answers `id`; an ERROR without one is about the connection, so about it. */
static int receive_reply(
	struct bri_client *client, uint32_t id, uint64_t deadline_ns, struct bri_message *ret)
{
	int r;

	do {
		/* receiving looks at the time only when it has to wait */
		if (deadline_ns != 0 && bri_clock_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		r = bri_client_receive(client, deadline_ns, ret);
		if (r == -EOPNOTSUPP)
			continue;
		if (r < 0)
			return r;
		if (ret->type == BRI_MESSAGE_ERROR && ret->id == 0)
			return 0;
	} while (r < 0 || ret->id != id);
	return 0;
}

/* A daemon that is full says so and closes, maybe before it is asked: its words are worth more. */
static int send_request(struct bri_client *client, struct bri_message *request,
	uint64_t deadline_ns, struct bri_message *ret)
{
	int r = bri_client_send(client, request, deadline_ns);

	if (r == -EPIPE && bri_client_receive(client, 0, ret) == 0 &&
		ret->type == BRI_MESSAGE_ERROR)
		return 1;
	return r;
}

int bri_client_call(struct bri_client *client, struct bri_message *request, uint64_t deadline_ns,
	struct bri_message *ret)
{
	struct bri_message reply;
	int r = send_request(client, request, deadline_ns, &reply);

	if (r == 0)
		r = receive_reply(client, request->id, deadline_ns, &reply);
	if (r < 0)
		return r;
	*ret = reply;
	return 0;
}

int bri_client_each(struct bri_client *client, struct bri_message *request, uint64_t deadline_ns,
	void *context, bri_client_entry_f on_entry, struct bri_message *ret)
{
	struct bri_message reply;
	uint32_t count = 0;
	int r = send_request(client, request, deadline_ns, &reply);

	while (r == 0) {
		r = receive_reply(client, request->id, deadline_ns, &reply);
		if (r < 0 || reply.type == BRI_MESSAGE_ERROR || reply.type == BRI_MESSAGE_END)
			break;
		count++;
		r = on_entry(context, &reply);
		if (r != 0)
			return r;
	}
	if (r < 0)
		return r;
	if (reply.type == BRI_MESSAGE_END && reply.end.count != count)
		return -EBADMSG;
	*ret = reply;
	return 0;
}
