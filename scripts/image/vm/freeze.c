/* freeze TID   Stops one thread of a running program for as long as this runs, as if it hung. (ptrace(2); a signal would stop all of them.) */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

int main(int count, char **arguments)
{
    pid_t thread = count == 2 ? atoi(arguments[1]) : 0;
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) || ptrace(PTRACE_INTERRUPT, thread, 0, 0)) {
        perror("freeze");
        return 1;
    }
    int status;
    /* It stays stopped until it is waited for in vain: it ended. */
    while (waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status)) {
    }
    return 0;
}
