// Keeps a failure in the part of the page where it happened.
import { Component, type ReactNode } from 'react';
import { useMessages } from '../messages/Messages';

export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error ? <Crashed error={this.state.error} /> : this.props.children;
  }
}

function Crashed({ error }: { error: Error }): ReactNode {
  const { shell } = useMessages();
  return (
    <div role="alert" className="border-s-4 border-bad bg-bad-ground px-4 py-3">
      <p className="font-semibold text-bad">{shell.crashed}</p>
      <p>{shell.crashedNext}</p>
      <pre className="mt-2 overflow-x-auto">{error.message}</pre>
      <button type="button" className="button mt-2" onClick={() => location.reload()}>
        {shell.reload}
      </button>
    </div>
  );
}
