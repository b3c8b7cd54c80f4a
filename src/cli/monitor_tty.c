/* The terminal of `braid monitor`. Knows nothing of what is shown. */
#include "cli/monitor_tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ENTER                                                                                      \
	"\033[?1049h\033[?25l\033[?7l\033[H\033[2J" /* other screen, no cursor, no wrapping        \
						     */
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"

#define WRITE_TIMEOUT_MS 2000 /* a connection by ssh that hangs: the next frame will do */

static void signals_of(sigset_t *ret)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };

	sigemptyset(ret);
	for (size_t i = 0; i < BRI_LEN(numbers); i++)
		sigaddset(ret, numbers[i]);
}

/* Writes all of it, or gives up when the terminal takes nothing, or a signal wants us. */
static int put(struct bri_tty *tty, const char *bytes, size_t n)
{
	while (n > 0) {
		struct pollfd pfd[] = {
			{ .fd = tty->writer, .events = POLLOUT },
			{ .fd = tty->signals, .events = POLLIN },
		};
		ssize_t written = write(tty->writer, bytes, n);

		if (written > 0) {
			bytes += written;
			n -= (size_t)written;
			continue;
		}
		if (written < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (poll(pfd, 2, WRITE_TIMEOUT_MS) < 0 && errno != EINTR)
			return -errno;
		if (!(pfd[0].revents & POLLOUT))
			return -EAGAIN;
	}
	return 0;
}

static int enter(struct bri_tty *tty)
{
	struct termios raw = tty->saved;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(tty->in, TCSADRAIN, &raw) < 0)
		return -errno;
	tty->entered = true;
	tty->last_valid = false;
	return put(tty, ENTER, sizeof(ENTER) - 1);
}

static void leave(struct bri_tty *tty)
{
	if (!tty->entered)
		return;
	put(tty, LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(tty->in, TCSAFLUSH, &tty->saved);
	tty->entered = false;
}

/* A file description of our own: O_NONBLOCK on the shared one would be the shell's too. */
static int open_writer(int out)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", out);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : fcntl(out, F_DUPFD_CLOEXEC, 3);
}

int bri_tty_open(struct bri_tty *tty, int in, int out)
{
	sigset_t set;
	int r;

	*tty = (struct bri_tty) { .in = in, .out = out, .writer = -1, .signals = -1 };
	if (tcgetattr(in, &tty->saved) < 0)
		return -errno;
	signals_of(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	tty->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	tty->writer = open_writer(out);
	r = tty->signals < 0 || tty->writer < 0 ? -errno : enter(tty);
	if (r < 0)
		bri_tty_close(tty);
	return r;
}

void bri_tty_close(struct bri_tty *tty)
{
	sigset_t set;

	leave(tty);
	if (tty->writer >= 0)
		close(tty->writer);
	if (tty->signals >= 0)
		close(tty->signals);
	tty->writer = tty->signals = -1;
	bri_screen_fini(&tty->last);
	signals_of(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void bri_tty_size(const struct bri_tty *tty, unsigned *ret_width, unsigned *ret_height)
{
	struct winsize size;

	*ret_width = 80;
	*ret_height = 24;
	/* a serial line says 0 */
	if (ioctl(tty->out, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		return;
	*ret_width = (unsigned)bri_min_size(size.ws_col, BRI_SCREEN_MAX_WIDTH);
	*ret_height = (unsigned)bri_min_size(size.ws_row, BRI_SCREEN_MAX_HEIGHT);
}

/* Erased first: after the last column is written, erasing to the end would take that one too. */
static size_t append_line(char *frame, size_t used, size_t size, size_t row, const char *text)
{
	int n = snprintf(frame + used, size - used, "\033[%zu;1H\033[K%s", row + 1, text);

	return n > 0 && (size_t)n < size - used ? used + (size_t)n : used;
}

int bri_tty_show(struct bri_tty *tty, struct bri_screen *screen, unsigned width)
{
	bool whole = !tty->last_valid || tty->last.n != screen->n || tty->last_width != width;
	size_t size = screen->n * (screen->stride + 32) + 64, used = 0;
	char *frame = malloc(size);
	int r;

	if (!frame)
		return -ENOMEM;
	if (whole) {
		memcpy(frame, "\033[H\033[2J", 7);
		used = 7;
	}
	for (size_t i = 0; i < screen->n; i++)
		if (whole ||
			strcmp(bri_screen_line(screen, i), bri_screen_line(&tty->last, i)) != 0)
			used = append_line(frame, used, size, i, bri_screen_line(screen, i));
	r = put(tty, frame, used);
	free(frame);
	bri_screen_fini(&tty->last);
	tty->last = *screen;
	tty->last_width = width;
	/* half a frame was written: the next one is a whole one */
	tty->last_valid = r == 0;
	*screen = (struct bri_screen) { 0 };
	return r == -EAGAIN ? 0 : r;
}

void bri_tty_suspend(struct bri_tty *tty)
{
	leave(tty);
	raise(SIGSTOP);
	enter(tty);
}
